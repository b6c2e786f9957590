import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { DEBIAN_CLAMD } from '../clients/debian-clamd.js';
import { ask, DaemonProcess, instream, MARKER, type Site } from '../daemon-process.js';
import { pauseMs } from '../server-harness.js';
import {
  createEngineSite,
  eventually,
  fildes,
  hostPidOf,
  isAlive,
  logOf,
  putSlowFile,
  startWithLibclamav,
  theHostPidOf,
  whyNoLibclamav,
} from './engine-site.js';

/** Longer than a scan of the slow file takes to begin. */
const UNDER_WAY_MS = 150;
/** Jest's own options have Node keep its warnings to itself. */
const WITH_WARNINGS = { NODE_OPTIONS: '' };

let site: Site;
let daemon: DaemonProcess | undefined;
beforeEach(async () => {
  site = await createEngineSite(['DisableCache yes']);
});
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  site.remove();
});

/** What runs with this site's name in its environment, whoever started it. */
function processesOfSite(): number[] {
  const belongs = (pid: number): boolean => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`TEST_SITE=${site.root}\0`);
    } catch {
      return false;
    }
  };
  return readdirSync('/proc').map(Number).filter(Number.isInteger).filter(belongs).filter(isAlive);
}

const leftOver = (): string[] => readdirSync(join(site.root, 'spool')).filter((name) => name !== '.keep');

async function start(env: Record<string, string> = {}): Promise<DaemonProcess> {
  daemon = await startWithLibclamav(site, { TEST_SITE: site.root, ...env });
  return daemon;
}

describeOrSkip('a daemon with libclamav', whyNoLibclamav, () => {
  test('tells which library it scans with, in VERSION and in its log', async () => {
    const running = await start();
    const host = theHostPidOf(running);
    const clamd = execFileSync(DEBIAN_CLAMD, ['--version'], { encoding: 'utf8' }).trim();
    expect(clamd).toMatch(/^ClamAV \d/);
    expect(await ask(site.socketPath, 'zVERSION\0')).toBe(`${clamd.split('/')[0]}\0`);
    expect(logOf(site)).toMatch(
      new RegExp(
        `Engine: libclamav [\\d.]+, functionality level \\d+ \\(libclamav.*\\), in process ${host}\\n`,
      ),
    );
    expect(running.stdout).toMatch(/"engine":"libclamav","engineVersion":"[\d.]+","functionalityLevel":\d+/);
    expect(processesOfSite().sort()).toEqual([running.pid, host].sort());
  }, 60_000);

  test('notices in SELFCHECK that its database has changed', async () => {
    const running = await start();
    expect(await ask(site.socketPath, 'zSELFCHECK\0')).toBe('DBUPTODATE\0');
    expect(logOf(site)).toContain('SelfCheck: Database status OK.');
    site.put('db/further.ndb', `Test.Further:0:*:${Buffer.from('a further marker').toString('hex')}\n`);
    expect(await ask(site.socketPath, 'zSELFCHECK\0')).toBe('RELOADING\0');
    await running.says('Database correctly reloaded');
    expect(logOf(site)).toContain('SelfCheck: Database modification detected. Forcing reload.');
    expect(await ask(site.socketPath, instream('a further marker'))).toContain(
      'Test.Further.UNOFFICIAL FOUND',
    );
    expect(await ask(site.socketPath, 'zSELFCHECK\0')).toBe('DBUPTODATE\0');
  }, 60_000);

  test('passes --check-config, which leaves nothing behind', async () => {
    const env = { SCANNER_ENGINE: 'libclamav', TEST_SITE: site.root };
    daemon = new DaemonProcess(['-c', site.configFile, '--check-config'], { env });
    expect(await daemon.exited).toMatchObject({ code: 0 });
    await eventually(() => processesOfSite().length === 0, 'the end of the host');
    expect(leftOver()).toEqual([]);
  }, 60_000);

  test.each(['yes', 'no'])(
    'ends in order on SIGTERM while it scans (isolation: %s)',
    async (isolation) => {
      const running = await start({ SCANNER_ISOLATION: isolation, ...WITH_WARNINGS });
      expect(hostPidOf(running) === undefined).toBe(isolation === 'no');
      const slow = putSlowFile(site, 'files/slow', 48 * 1024 * 1024);
      const asked = [fildes(site.socketPath, slow), fildes(site.socketPath, slow)];
      await pauseMs(UNDER_WAY_MS);
      const { code, stderr } = await running.stop();
      expect(code).toBe(0);
      expect(stderr).toBe('');
      // What was under way is finished.
      expect(await Promise.all(asked)).toEqual(['OK\0', 'OK\0']);
      await eventually(() => processesOfSite().length === 0, 'the end of the host');
      expect(leftOver()).toEqual([]);
      expect(logOf(site)).not.toContain('died');
    },
    60_000,
  );

  test('ends in order on SIGTERM before its scans do, when they take too long', async () => {
    const running = await start({ SCANNER_STOP_GRACE_MS: '0' });
    const slow = putSlowFile(site, 'files/slow', 64 * 1024 * 1024);
    const asked = Array.from({ length: 6 }, () => fildes(site.socketPath, slow));
    const replies = Promise.allSettled(asked);
    await pauseMs(UNDER_WAY_MS);
    expect((await running.stop()).code).toBe(0);
    for (const reply of await replies) {
      expect(reply.status === 'fulfilled' ? reply.value : '').toMatch(/^$|ERROR\0$|^OK\0$/);
    }
    await eventually(() => processesOfSite().length === 0, 'the end of the host');
    expect(leftOver()).toEqual([]);
    expect(logOf(site)).not.toContain('died');
  }, 60_000);

  test('takes its host along when it is killed, also in the middle of a scan', async () => {
    const running = await start();
    const slow = putSlowFile(site, 'files/slow', 64 * 1024 * 1024);
    const asked = Promise.allSettled([fildes(site.socketPath, slow)]);
    await pauseMs(UNDER_WAY_MS);
    expect(processesOfSite()).toHaveLength(2);
    running.signal('SIGKILL');
    await running.exited;
    await eventually(() => processesOfSite().length === 0, 'the end of the host');
    await asked;
  }, 60_000);

  test('is not moved by signals that a terminal sends to its whole group', async () => {
    const running = await start();
    const host = theHostPidOf(running);
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGUSR2'] as const) process.kill(host, signal);
    await pauseMs(UNDER_WAY_MS);
    expect(await ask(site.socketPath, instream(MARKER))).toContain('FOUND');
    expect(theHostPidOf(running)).toBe(host);
  }, 60_000);
});

const noRoot = process.getuid?.() === 0 ? whyNoLibclamav : 'only root may become another account';

describeOrSkip('User, with libclamav', noRoot, () => {
  test('is who the host is for good, also where the sockets need root', async () => {
    // Nobody but root may make a socket in the site.
    site.put('clamd.conf', `${site.read('clamd.conf')}\nUser nobody\n`);
    chmodSync(join(site.root, 'spool'), 0o1777);
    const secret = site.put('files/secret', MARKER);
    chmodSync(secret, 0o600);
    const running = await start();
    const host = theHostPidOf(running);
    const idsOf = (pid: number): (string | undefined)[] => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return [/^Uid:.*$/m, /^Gid:.*$/m, /^Groups:.*$/m, /^CapPrm:.*$/m].map((line) => line.exec(status)?.[0]);
    };
    expect(idsOf(host)).toEqual(idsOf(running.pid));
    expect(idsOf(host).join('\n')).not.toMatch(/^Uid:.*\t0\b/m);
    expect(await ask(site.socketPath, `zSCAN ${secret}\0`)).toBe(`${secret}: Access denied. ERROR\0`);
    expect(await fildes(site.socketPath, secret)).toContain('FOUND');
    expect((await running.stop()).code).toBe(0);
    expect(leftOver()).toEqual([]);
  }, 60_000);
});
