import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { ask, createSite, DaemonProcess, EICAR, instream, type Exit, type Site } from './daemon-process.js';

const WAIT_MAX_MS = 20_000;

// Each test starts a few processes, on a machine that may be busy.
jest.setTimeout(60_000);

let site: Site;
let daemonPid: number | undefined;
beforeEach(async () => {
  site = await createSite();
});
afterEach(async () => {
  if (daemonPid !== undefined) await end(daemonPid, 'SIGKILL');
  daemonPid = undefined;
  site.remove();
});

/** What `scanner-daemon` does when nobody asks for the foreground. */
async function launch(args: readonly string[] = [], pidFile = 'clamd.pid'): Promise<Exit> {
  const exit = await new DaemonProcess(['-c', site.configFile, '--foreground=no', ...args], {
    cwd: site.root,
  }).exited;
  if (exit.code === 0) daemonPid = Number(site.read(pidFile));
  return exit;
}

function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

async function until(what: () => boolean): Promise<void> {
  for (const deadlineAtMs = Date.now() + WAIT_MAX_MS; !what();) {
    if (Date.now() > deadlineAtMs) throw new Error(`it did not come about: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function end(pid: number, signal: NodeJS.Signals): Promise<void> {
  if (isAlive(pid)) process.kill(pid, signal);
  await until(() => !isAlive(pid));
}

function log(): string {
  return site.read('clamd.log');
}

const CLAMD = '/usr/sbin/clamd';

describeOrSkip(
  'a LogFile that cannot be had',
  existsSync(CLAMD) ? undefined : `${CLAMD} is not installed`,
  () => {
    test('the terminal sees what clamd says, where clamd says it', async () => {
      const conf = site.read('clamd.conf').replace('Foreground yes\n', '');
      site.put('clamd.conf', conf.replace(/^LogFile .*$/m, `LogFile ${site.root}/missing/clamd.log`));
      const theirs = spawnSync(CLAMD, ['-c', site.configFile], { encoding: 'utf8', timeout: WAIT_MAX_MS });
      const ours = await new DaemonProcess(['-c', site.configFile]).exited;
      expect(ours).toEqual({ code: theirs.status, stdout: theirs.stdout, stderr: theirs.stderr });
      expect(ours.stderr).toBe("ERROR: Can't initialize the internal logger\n");
    });
  },
);

describe('a daemon in the background', () => {
  test('serves when the command returns, on its own, and says nothing', async () => {
    expect(await launch()).toEqual({ code: 0, stdout: '', stderr: '' });
    const pid = daemonPid ?? 0;
    expect(await ask(site.socketPath, 'zPING\0')).toBe('PONG\0');
    expect(await ask(site.socketPath, instream(EICAR))).toBe('stream: Test.Eicar.UNOFFICIAL FOUND\0');
    const [, , ppid, , session] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ').map(Number);
    expect([ppid === process.pid, session]).toEqual([false, pid]);
    expect(log()).toContain('Ready for clients');
    await end(pid, 'SIGTERM');
    expect([existsSync(site.socketPath), existsSync(join(site.root, 'clamd.pid'))]).toEqual([false, false]);
    expect(log()).toMatch(/^--- Stopped at /m);
  });

  test('obeys signals, and relative paths mean what they meant at the start', async () => {
    expect(await launch(['--datadir', 'db', '--pid', 'own.pid'], 'own.pid')).toMatchObject({ code: 0 });
    const pid = daemonPid ?? 0;
    site.put('db/new.ndb', `Test.New:0:*:${Buffer.from('brand new threat').toString('hex')}\n`);
    process.kill(pid, 'SIGUSR2');
    await until(() => log().includes('Database correctly reloaded (3 signatures)'));
    process.kill(pid, 'SIGUSR1');
    await end(pid, 'SIGTERM');
    expect(existsSync(join(site.root, 'own.pid'))).toBe(false);
  });

  test('a start that fails is told on the terminal, with the exit code of clamd, and leaves nothing', async () => {
    expect(await launch(['--pid', '/missing/dir/pid'])).toEqual({
      code: 2,
      stdout: '',
      stderr: "ERROR: Can't save PID to file /missing/dir/pid: No such file or directory\n",
    });
    site.put('db/marker.ndb', 'nonsense\n');
    const stderr = expect.stringMatching(/^ERROR: Malformed database\b.*\n$/);
    expect(await launch()).toEqual({ code: 1, stdout: '', stderr });
    expect([existsSync(site.socketPath), existsSync(join(site.root, 'clamd.pid'))]).toEqual([false, false]);
  });

  test('a second one with the same PidFile is refused, and the first stays in charge', async () => {
    await launch();
    const again = await new DaemonProcess([
      ...['-c', site.configFile, '--foreground=no'],
      ...['-l', join(site.root, 'second.log')],
    ]).exited;
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('that is running holds it')]);
    expect(site.read('clamd.pid')).toBe(`${daemonPid}\n`);
    expect(await ask(site.socketPath, 'zPING\0')).toBe('PONG\0');
  });

  test('one that was killed is followed by the next', async () => {
    await launch();
    await end(daemonPid ?? 0, 'SIGKILL');
    expect(await launch()).toMatchObject({ code: 0 });
    expect(await ask(site.socketPath, 'zPING\0')).toBe('PONG\0');
  });
});

const whyNotRoot = process.geteuid?.() === 0 ? undefined : 'needs root';

describeOrSkip('User', whyNotRoot, () => {
  test('a socket in a directory of root is the own one of the account, which is all that is left', async () => {
    chmodSync(join(site.root, 'spool'), 0o777);
    site.put('clamd.conf', `${site.read('clamd.conf')}User nobody\nLocalSocketGroup daemon\n`);
    expect(await launch()).toEqual({ code: 0, stdout: '', stderr: '' });
    const uid = statSync(join(site.root, 'clamd.log')).uid;
    expect(uid).not.toBe(0);
    expect(statSync(site.socketPath)).toMatchObject({ uid, gid: 1 });
    expect(statSync(join(site.root, 'clamd.pid')).uid).toBe(0);
    const status = readFileSync(`/proc/${daemonPid ?? 0}/status`, 'utf8');
    expect(status).toMatch(new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, 'm'));
    expect(status).toMatch(/^CapPrm:\t0+$/m);
    expect(await ask(site.socketPath, 'zPING\0')).toBe('PONG\0');
    await end(daemonPid ?? 0, 'SIGTERM');
    expect(log()).toContain(`Socket file ${site.socketPath} stays: its directory belongs to somebody else\n`);
    expect(log()).not.toContain('ERROR');
    expect(await launch()).toMatchObject({ code: 0 });
  });

  test('an unknown one, and a TemporaryDirectory that is not for it', async () => {
    site.put('clamd.conf', `${site.read('clamd.conf')}User no-such-user\n`);
    expect(await launch()).toMatchObject({
      code: 1,
      stderr: "ERROR: Can't get information about user no-such-user.\n",
    });
    site.put('clamd.conf', site.read('clamd.conf').replace('no-such-user', 'nobody'));
    expect(await launch()).toMatchObject({
      code: 1,
      stderr: `ERROR: TemporaryDirectory ${site.root}/spool cannot be written to: Permission denied\n`,
    });
  });
});
