import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import {
  ask,
  createSite,
  DaemonProcess,
  instream,
  MARKER,
  startDaemon,
  type Site,
} from './daemon-process.js';

const WAIT_MAX_MS = 20_000;

async function until(isTrue: () => boolean): Promise<void> {
  const deadlineAtMs = Date.now() + WAIT_MAX_MS;
  while (!isTrue() && Date.now() < deadlineAtMs) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isTrue()).toBe(true);
}

function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
}

describe('VirusEvent', () => {
  let site: Site;
  let daemon: DaemonProcess;
  const seen = (): string[] => linesOf(join(site.root, 'seen'));
  const begun = (): string[] => linesOf(join(site.root, 'begun'));

  beforeAll(async () => {
    site = await createSite();
    // A slow command: no client may wait for it.
    const command = `echo x >> ${site.root}/begun; sleep 3; echo "$CLAM_VIRUSEVENT_FILENAME|$CLAM_VIRUSEVENT_VIRUSNAME|%v|$PATH" >> ${site.root}/seen`;
    site.put('clamd.conf', `${site.read('clamd.conf')}\nVirusEvent ${command}\n`);
    site.put('files/marked', `x${MARKER}`);
    site.put('files/clean', 'nothing to see');
    daemon = await startDaemon(site);
  }, 30_000);
  afterAll(async () => {
    await daemon.stop();
    site.remove();
  });

  test('runs after the answer, once a detection, with names and a PATH', async () => {
    const path = join(site.root, 'files/marked');
    const startedAtMs = performance.now();
    expect(await ask(site.socketPath, `zSCAN ${path}\0`)).toContain('FOUND');
    expect(await ask(site.socketPath, instream(MARKER))).toContain('FOUND');
    expect(await ask(site.socketPath, `zSCAN ${join(site.root, 'files/clean')}\0`)).toContain('OK');
    expect(performance.now() - startedAtMs).toBeLessThan(2500);
    await until(() => seen().length === 2);
    const name = 'Test.Marker.UNOFFICIAL';
    const end = `${name}|${name}|/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
    expect(seen().sort()).toEqual([`${path}|${end}`, `instream(local)|${end}`]);
  }, 40_000);

  test('a command that runs when the daemon stops is waited for', async () => {
    const before = begun().length;
    expect(seen()).toHaveLength(before);
    await ask(site.socketPath, instream(MARKER));
    await until(() => begun().length === before + 1);
    const exit = await daemon.stop();
    expect([exit.code, seen().length]).toEqual([0, before + 1]);
  }, 40_000);
});

describe('the runner of VirusEvent', () => {
  let site: Site;
  let daemonPid: number | undefined;

  beforeEach(async () => {
    site = await createSite();
    mkdirSync(join(site.root, 'events'));
    const command = `{ echo $PPID; pwd; id -u; id -G; } > ${site.root}/events/$$.part; mv ${site.root}/events/$$.part ${site.root}/events/$$`;
    site.put('clamd.conf', `${site.read('clamd.conf')}VirusEvent ${command}\n`);
  });
  afterEach(async () => {
    if (daemonPid !== undefined && existsSync(`/proc/${daemonPid}`)) {
      process.kill(daemonPid, 'SIGTERM');
      await until(() => !existsSync(`/proc/${daemonPid}`) || isZombie(daemonPid));
    }
    daemonPid = undefined;
    site.remove();
  });

  const events = (): string[] =>
    readdirSync(join(site.root, 'events')).filter((name) => /^[0-9]+$/.test(name));

  /** Of a detection now: what the command says of itself, and which runner has started it. */
  async function event(): Promise<{ runner: number; directory: string; uid: number; groups: string }> {
    const before = new Set(events());
    const isNew = (name: string): boolean => !before.has(name);
    expect(await ask(site.socketPath, instream(MARKER))).toContain('FOUND');
    await until(() => events().some(isNew));
    const [runner, directory = '', uid, groups = ''] = linesOf(
      join(site.root, 'events', events().find(isNew) ?? ''),
    );
    return { runner: Number(runner), directory, uid: Number(uid), groups };
  }

  const whereaboutsOf = (pid: number): string[] =>
    ['cwd', 'fd/2'].map((name) => readlinkSync(`/proc/${pid}/${name}`));

  test('is where a daemon in the background is, and keeps nothing of its terminal', async () => {
    const launcher = new DaemonProcess(['-c', site.configFile, '--foreground=no'], { cwd: site.root });
    expect(await launcher.exited).toEqual({ code: 0, stdout: '', stderr: '' });
    daemonPid = Number(site.read('clamd.pid'));
    const { runner, directory } = await event();
    expect([directory, ...whereaboutsOf(runner)]).toEqual(['/', '/', '/dev/null']);
  }, 60_000);

  test('is where a daemon in the foreground is, with its standard error', async () => {
    const daemon = new DaemonProcess(['-c', site.configFile], { cwd: site.root });
    daemonPid = daemon.pid;
    await daemon.says('Ready for clients');
    const { runner, directory } = await event();
    expect([directory, ...whereaboutsOf(runner)]).toEqual([site.root, ...whereaboutsOf(daemon.pid)]);
    expect((await daemon.stop()).code).toBe(0);
  }, 60_000);

  const whyNotRoot = process.geteuid?.() === 0 ? undefined : 'needs root';

  describeOrSkip('with User and a socket that only root can bind', whyNotRoot, () => {
    /** Of every thread, each value once. */
    const statusOf = (pid: number): string[] => {
      const fields = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
        readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8')
          .split('\n')
          .filter((line) => /^(Uid|Gid|Groups|CapEff|CapPrm):/.test(line)),
      );
      return [...new Set(fields.map((line) => line.trim().replace(/\s+/g, ' ')))].sort();
    };

    test('is the account for good, and so is the next one', async () => {
      for (const name of ['spool', 'events']) chmodSync(join(site.root, name), 0o777);
      site.put('clamd.conf', `${site.read('clamd.conf')}User nobody\n`);
      const daemon = await startDaemon(site);
      daemonPid = daemon.pid;
      const { uid, gid } = statSync(site.socketPath);
      expect([statSync(site.root).uid, uid === 0]).toEqual([0, false]);
      const status = [
        `CapEff: ${'0'.repeat(16)}`,
        `CapPrm: ${'0'.repeat(16)}`,
        `Gid: ${gid} ${gid} ${gid} ${gid}`,
        `Groups: ${gid}`,
        `Uid: ${uid} ${uid} ${uid} ${uid}`,
      ];
      const first = await event();
      expect(first).toMatchObject({ uid, groups: String(gid) });
      expect(statusOf(first.runner)).toEqual(status);
      process.kill(first.runner, 'SIGKILL');
      await until(() => !existsSync(`/proc/${first.runner}`));
      const second = await event();
      expect(second).toMatchObject({ uid, groups: String(gid) });
      expect(second.runner).not.toBe(first.runner);
      expect(statusOf(second.runner)).toEqual(status);
      expect((await daemon.stop()).code).toBe(0);
    }, 60_000);
  });
});

function isZombie(pid: number | undefined): boolean {
  return /^State:\s+Z/m.test(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'));
}
