import { existsSync, renameSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ask, createSite, DaemonProcess, instream, startDaemon, type Site } from './daemon-process.js';

// Each test starts a few processes, on a machine that may be busy.
jest.setTimeout(60_000);

let site: Site;
const daemons: DaemonProcess[] = [];

beforeEach(async () => {
  site = await createSite();
});
afterEach(async () => {
  for (const daemon of daemons.splice(0)) await daemon.stop();
  site.remove();
});

async function start(env: Record<string, string> = {}): Promise<DaemonProcess> {
  const daemon = await startDaemon(site, env);
  daemons.push(daemon);
  return daemon;
}

function signature(name: string, text: string): string {
  return `${name}:0:*:${Buffer.from(text).toString('hex')}\n`;
}

describe('reload', () => {
  test('RELOAD puts a changed database into use, on the main thread and on the workers', async () => {
    const daemon = await start();
    const small = instream('a brand new threat');
    const file = site.put('file', 'a brand new threat');
    expect(await ask(site.socketPath, small)).toBe('stream: OK\0');
    expect(await ask(site.socketPath, `zSCAN ${file}\0`)).toBe(`${file}: OK\0`);
    site.put('db/new.ndb', signature('Test.New', 'brand new threat'));
    expect(await ask(site.socketPath, 'zRELOAD\0')).toBe('RELOADING\0');
    await daemon.says('Activating the newly loaded database...');
    expect(await ask(site.socketPath, small)).toBe('stream: Test.New.UNOFFICIAL FOUND\0');
    expect(await ask(site.socketPath, `zSCAN ${file}\0`)).toBe(`${file}: Test.New.UNOFFICIAL FOUND\0`);
    expect(site.read('clamd.log')).toContain('Database correctly reloaded (3 signatures)\n');
  });

  test('a broken database keeps the old one in use, and the log says why', async () => {
    const daemon = await start();
    site.put('db/old.ndb', signature('Test.Old', 'an old threat'));
    daemon.signal('SIGUSR2');
    await daemon.says('Activating the newly loaded database...');
    site.put('db/new.ndb', 'this is no signature\n');
    daemon.signal('SIGUSR2');
    await daemon.says('Database reload failed');
    expect(await ask(site.socketPath, instream('an old threat'))).toBe('stream: Test.Old.UNOFFICIAL FOUND\0');
    const log = site.read('clamd.log');
    expect(log).toContain('ERROR: reload_th: Database load failed: Malformed database');
    expect(log).toContain('WARNING: Database reload failed, keeping the previous instance');
  });

  test('SelfCheck notices a changed database', async () => {
    site.put('clamd.conf', `${site.read('clamd.conf')}SelfCheck 1\n`);
    const daemon = await start();
    await daemon.says('SelfCheck: Database status OK.');
    site.put('db/new.ndb', signature('Test.New', 'brand new threat'));
    await daemon.says('SelfCheck: Database modification detected. Forcing reload.');
    await daemon.says('Activating the newly loaded database...');
  });
});

describe('signals', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s ends the daemon with 0 and removes socket and pid file',
    async (name) => {
      const daemon = await start();
      expect(site.read('clamd.pid')).toBe(`${daemon.pid}\n`);
      daemon.signal(name);
      expect((await daemon.exited).code).toBe(0);
      expect([existsSync(site.socketPath), existsSync(join(site.root, 'clamd.pid'))]).toEqual([false, false]);
      expect(site.read('clamd.log')).toMatch(/^--- Stopped at /m);
    },
  );

  test('SHUTDOWN does the same', async () => {
    const daemon = await start();
    expect(await ask(site.socketPath, 'zSHUTDOWN\0')).toBe('');
    expect((await daemon.exited).code).toBe(0);
    expect(existsSync(site.socketPath)).toBe(false);
  });

  test('a scan that runs when SIGTERM comes is answered', async () => {
    const daemon = await start();
    const file = site.put('large', Buffer.alloc(50_000_000, 'x'));
    const reply = ask(site.socketPath, `zSCAN ${file}\0`);
    await new Promise((resolve) => setTimeout(resolve, 30));
    daemon.signal('SIGTERM');
    expect(await reply).toBe(`${file}: OK\0`);
    expect((await daemon.exited).code).toBe(0);
  });

  test('a second SIGTERM ends a daemon at once that still waits for a scan', async () => {
    site.put('clamd.conf', `${site.read('clamd.conf')}MaxFileSize 0\nMaxScanSize 0\n`);
    const daemon = await start();
    const file = site.put('sparse', '');
    truncateSync(file, 3_000_000_000);
    const reply = ask(site.socketPath, `zSCAN ${file}\0`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    daemon.signal('SIGTERM');
    // Two signals at almost the same time would count as one.
    await new Promise((resolve) => setTimeout(resolve, 700));
    daemon.signal('SIGTERM');
    expect((await daemon.exited).code).toBe(1);
    expect(await reply).toBe('');
    expect([existsSync(site.socketPath), existsSync(join(site.root, 'clamd.pid'))]).toEqual([false, false]);
  });

  test('SIGHUP makes a new log file after the old one was moved away', async () => {
    const daemon = await start();
    renameSync(join(site.root, 'clamd.log'), join(site.root, 'old.log'));
    daemon.signal('SIGHUP');
    await daemon.says('SIGHUP caught');
    await daemon.stop();
    expect(site.read('old.log')).toContain('SIGHUP caught: re-opening log file.');
    expect(site.read('clamd.log')).toMatch(/^--- Stopped at /m);
  });
});

describe('starting', () => {
  async function run(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const { code, stdout, stderr } = await new DaemonProcess(args, { env }).exited;
    return `${code} ${stdout}${stderr}`;
  }

  test("no database, a broken one or a bad pid file: an error and clamd's exit code", async () => {
    expect(await run(['-c', site.configFile, '--pid', '/missing/dir/pid'])).toMatch(
      /^2 .*ERROR: Can't save PID to file/s,
    );
    expect(await run(['-c', site.configFile, '--datadir', '/missing'])).toMatch(
      /^1 .*ERROR: Can't get file status\b.*\n$/s,
    );
    site.put('db/marker.ndb', 'nonsense\n');
    expect(await run(['-c', site.configFile])).toMatch(/^1 .*ERROR: Malformed database\b.*\n$/s);
    expect(existsSync(site.socketPath)).toBe(false);
  });

  test('a second daemon on the same socket is refused, and a stale socket is replaced', async () => {
    const daemon = await start();
    // With files of its own: a pid file or log file that is held would stop it before it comes to the socket.
    const own = ['-p', join(site.root, 'second.pid'), '-l', join(site.root, 'second.log')];
    expect(await run(['-c', site.configFile, ...own])).toMatch(/^1 .*is in use by another process/s);
    expect(existsSync(join(site.root, 'second.pid'))).toBe(false);
    expect(await ask(site.socketPath, 'zPING\0')).toBe('PONG\0');
    daemon.signal('SIGKILL');
    await daemon.exited;
    expect(existsSync(site.socketPath)).toBe(true);
    await start();
    expect(await ask(site.socketPath, 'zPING\0')).toBe('PONG\0');
  });
});
