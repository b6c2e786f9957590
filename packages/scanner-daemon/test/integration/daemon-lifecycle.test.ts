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

/** Long enough in a scan to be seen there, and done within the grace that a stop gives. */
const LONG_BYTES = 500_000_000;
/** Larger than anything that is read within the time of a test. */
const ENDLESS_BYTES = 1024 ** 4;
/** Two stop signals within half a second count as one. */
const SURELY_TWO_SIGNALS_MS = 2500;
const WAIT_MAX_MS = 20_000;

async function delay(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until a scan of this file runs: STATS lists it. */
async function untilScanned(path: string): Promise<void> {
  const deadlineAtMs = Date.now() + WAIT_MAX_MS;
  while (!(await ask(site.socketPath, 'zSTATS\0')).includes(path)) {
    if (Date.now() > deadlineAtMs) throw new Error(`nobody scans ${path}`);
    await delay(5);
  }
}

/** Code that runs first of all in the daemon's main thread. */
function preload(code: string): Record<string, string> {
  const file = site.put('preload.mjs', `import { isMainThread } from 'node:worker_threads';\n${code}`);
  return { NODE_OPTIONS: `--import ${file}` };
}

function leftBehind(): boolean[] {
  return [existsSync(site.socketPath), existsSync(join(site.root, 'clamd.pid'))];
}

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
    site.put('clamd.conf', `${site.read('clamd.conf')}MaxFileSize 0\nMaxScanSize 0\n`);
    const daemon = await start();
    const file = site.put('large', '');
    truncateSync(file, LONG_BYTES);
    const reply = ask(site.socketPath, `zSCAN ${file}\0`);
    await untilScanned(file);
    daemon.signal('SIGTERM');
    expect(await reply).toBe(`${file}: OK\0`);
    expect((await daemon.exited).code).toBe(0);
  });

  test('a second SIGTERM ends a daemon at once that still waits for a scan', async () => {
    site.put('clamd.conf', `${site.read('clamd.conf')}MaxFileSize 0\nMaxScanSize 0\n`);
    const daemon = await start({ SCANNER_LOG_LEVEL: 'debug' });
    const file = site.put('endless', '');
    truncateSync(file, ENDLESS_BYTES);
    const reply = ask(site.socketPath, `zSCAN ${file}\0`);
    await untilScanned(file);
    daemon.signal('SIGTERM');
    await daemon.says('Waiting for all threads to finish');
    await delay(SURELY_TWO_SIGNALS_MS);
    daemon.signal('SIGTERM');
    expect((await daemon.exited).code).toBe(1);
    expect(await reply).toBe('');
    expect(leftBehind()).toEqual([false, false]);
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

describe('failures', () => {
  test('an uncaught exception ends the daemon with 1, and neither socket nor pid file stays', async () => {
    const daemon = await start(
      preload(`if (isMainThread) process.on('SIGWINCH', () => { throw new Error('a bug'); });`),
    );
    daemon.signal('SIGWINCH');
    expect((await daemon.exited).code).toBe(1);
    expect(site.read('clamd.log')).toContain('ERROR: Uncaught exception\n');
    expect(leftBehind()).toEqual([false, false]);
  });

  test('ExitOnOOM stops in order: a scan that runs is answered, and the exit code is 1', async () => {
    site.put('clamd.conf', `${site.read('clamd.conf')}ExitOnOOM yes\nMaxFileSize 0\nMaxScanSize 0\n`);
    // What the kernel says when it is out of memory, for the file that a large stream goes to.
    const noMemory = `
      import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const { open } = fs;
      fs.open = (path, ...rest) => String(path).startsWith(${JSON.stringify(join(site.root, 'spool'))})
        ? rest.at(-1)(Object.assign(new Error('open'), { code: 'ENOMEM', errno: -12, syscall: 'open' }))
        : open(path, ...rest);
      if (isMainThread) syncBuiltinESMExports();`;
    const daemon = await start({ ...preload(noMemory), SCANNER_SPOOL_MEMORY_BYTES: '65536' });
    const file = site.put('large', '');
    truncateSync(file, LONG_BYTES);
    const reply = ask(site.socketPath, `zSCAN ${file}\0`);
    await untilScanned(file);
    void ask(site.socketPath, instream(Buffer.alloc(1_000_000))).catch(() => undefined);
    expect((await daemon.exited).code).toBe(1);
    expect(await reply).toBe(`${file}: OK\0`);
    expect(site.read('clamd.log')).toMatch(/^ERROR: Out of memory$[^]*^--- Stopped at /m);
    expect(leftBehind()).toEqual([false, false]);
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

  test('a start that fails puts the pid of a running clamd back', async () => {
    site.put('clamd.pid', '4711\n');
    site.put('db/marker.ndb', 'nonsense\n');
    expect(await run(['-c', site.configFile])).toMatch(/^1 /);
    expect(site.read('clamd.pid')).toBe('4711\n');
  });

  test('a daemon that has scanned its own files still keeps a second one out of them', async () => {
    await start();
    const pidFile = join(site.root, 'clamd.pid');
    expect(await ask(site.socketPath, `zSCAN ${pidFile}\0`)).toBe(`${pidFile}: OK\0`);
    expect(await ask(site.socketPath, `zCONTSCAN ${site.root}\0`)).toBe(`${site.root}: OK\0`);
    expect(await run(['-c', site.configFile, '-l', join(site.root, 'second.log')])).toMatch(
      /^2 .*Can't save PID to file .* that is running holds it/s,
    );
    expect(await run(['-c', site.configFile, '-p', join(site.root, 'second.pid')])).toMatch(
      /^1 .*ERROR: Failed to lock the log file .*: Resource temporarily unavailable\nERROR: Can't initialize the internal logger\n$/s,
    );
  });

  test('a name in TCPAddr is looked up, and not as root when root comes back for the sockets', async () => {
    const isRoot = process.geteuid?.() === 0;
    const conf = site.read('clamd.conf').replace('TCPAddr 127.0.0.1', 'TCPAddr localhost');
    site.put('clamd.conf', isRoot ? `${conf}User nobody\nTemporaryDirectory /tmp\n` : conf);
    site.put('clamd.conf', site.read('clamd.conf').replace(/^TemporaryDirectory .*spool\n/m, ''));
    const daemon = await start(
      preload(`
        import dns from 'node:dns/promises';
        import { syncBuiltinESMExports } from 'node:module';
        import { isIP } from 'node:net';
        const { lookup } = dns;
        dns.lookup = (name, ...rest) => {
          if (!isIP(name)) console.log('looked up by ' + process.geteuid());
          return lookup(name, ...rest);
        };
        if (isMainThread) syncBuiltinESMExports();`),
    );
    expect(daemon.stdout).toContain(`TCP: Bound to [127.0.0.1]:${site.tcpPort}`);
    const askers = [...daemon.stdout.matchAll(/looked up by ([0-9]+)/g)].map(([, uid]) => uid);
    expect(askers).toEqual([isRoot ? expect.not.stringMatching(/^0$/) : String(process.geteuid?.())]);
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
