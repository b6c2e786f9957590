import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeOrSkip } from '@portcullis/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PROGRAM, until } from './activated-daemon.js';
import { createSite, startDaemon, type DaemonProcess, type Site } from './daemon-process.js';

const CLAMD = '/usr/sbin/clamd';
const NOBODY = 65_534;
const TEST_MAX_MS = 30_000;

interface ProbeExit {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function probe(args: readonly string[], uid?: number, cwd = tmpdir()): Promise<ProbeExit> {
  return new Promise((resolve) => {
    const identity = uid === undefined ? {} : { uid, gid: uid };
    execFile(
      process.execPath,
      [PROGRAM, ...args],
      { cwd, timeout: TEST_MAX_MS, ...identity },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}

describe('scanner-daemon ping and status', () => {
  let site: Site;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    site = await createSite();
    daemon = await startDaemon(site);
  }, TEST_MAX_MS);

  afterAll(async () => {
    await daemon.stop();
    site.remove();
  }, TEST_MAX_MS);

  test(
    'ping finds the daemon by its clamd.conf, by its socket and by its port',
    async () => {
      for (const target of [
        ['-c', site.configFile],
        [site.socketPath],
        [`tcp://127.0.0.1:${site.tcpPort}`],
      ]) {
        expect(await probe(['ping', ...target])).toEqual({ code: 0, stdout: 'PONG\n', stderr: '' });
      }
    },
    TEST_MAX_MS,
  );

  test(
    'status shows what the daemon is doing',
    async () => {
      const { code, stdout } = await probe(['status', '--json', '-c', site.configFile]);
      expect(code).toBe(0);
      const status: unknown = JSON.parse(stdout);
      expect(status).toMatchObject({
        address: `unix:${site.socketPath}`,
        configFile: site.configFile,
        serving: true,
        problem: null,
        state: 'VALID',
        queue: { items: 0 },
        tasks: [{ task: 'STATS' }],
      });
      const page = await probe(['status', '-c', site.configFile]);
      expect(page).toMatchObject({ code: 0, stdout: expect.stringContaining(': serving\n') });
    },
    TEST_MAX_MS,
  );

  const whyNotRoot =
    process.geteuid?.() === 0 ? undefined : "needs root: another user's eyes are root's to borrow";
  describeOrSkip('as another user', whyNotRoot, () => {
    test(
      'who may not connect is told so',
      async () => {
        chmodSync(site.socketPath, 0o600);
        const outcome = await probe(['ping', site.socketPath], NOBODY);
        chmodSync(site.socketPath, 0o666);
        expect(outcome.code).toBe(1);
        expect(outcome.stderr).toContain('permission denied');
      },
      TEST_MAX_MS,
    );
  });

  test(
    'a LocalSocket that is relative is found in its directory, and elsewhere the message says why not',
    async () => {
      const conf = site.put('relative.conf', 'LocalSocket clamd.sock\nDatabaseDirectory db\n');
      expect(await probe(['ping', '-c', conf], undefined, site.root)).toMatchObject({ code: 0 });
      const elsewhere = await probe(['ping', '-c', conf], undefined, '/');
      expect(elsewhere).toMatchObject({ code: 1 });
      expect(elsewhere.stderr).toContain('LocalSocket is relative, and looked for below /\n');
    },
    TEST_MAX_MS,
  );

  test(
    'a clamd.conf that is not there is 2, a daemon that is not there 1',
    async () => {
      const missing = join(site.root, 'nowhere.conf');
      const misconfigured = await probe(['ping', '-c', missing]);
      expect(misconfigured.code).toBe(2);
      expect(misconfigured.stderr).toContain(missing);
      expect(await probe(['ping', '/nonexistent/clamd.ctl'])).toMatchObject({ code: 1 });
    },
    TEST_MAX_MS,
  );
});

const noClamd = existsSync(CLAMD) ? undefined : `${CLAMD} is not installed`;

describeOrSkip("ping and status against Debian's clamd", noClamd, () => {
  test(
    'it is asked like our own',
    async () => {
      const site = await createSite();
      const clamd = spawn(CLAMD, ['-c', site.configFile], { stdio: 'ignore' });
      try {
        await until(() => existsSync(site.socketPath), 'clamd listens');
        expect(await probe(['ping', '-c', site.configFile])).toMatchObject({ code: 0, stdout: 'PONG\n' });
        const { code, stdout } = await probe(['status', '--json', '-c', site.configFile]);
        expect(code).toBe(0);
        const status: unknown = JSON.parse(stdout);
        expect(status).toMatchObject({ serving: true, problem: null, state: 'VALID', threads: { max: 10 } });
      } finally {
        clamd.kill('SIGTERM');
        await new Promise((resolve) => clamd.once('close', resolve));
        site.remove();
      }
    },
    TEST_MAX_MS,
  );
});
