import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { makeTempDir, type TempDir } from '../testing/index.js';

const LAUNCH = new URL('launch.js', import.meta.url).href;
const LAUNCHED = new URL('launched.js', import.meta.url).href;
const NATIVE = new URL('../native/index.js', import.meta.url).href;

// Each test starts a few processes, on a machine that may be busy.
jest.setTimeout(60_000);

let directory: TempDir;
let pidFile: string;
const daemons: number[] = [];
beforeEach(() => {
  directory = makeTempDir('launch');
  pidFile = join(directory.path, 'pid');
});
afterEach(() => {
  for (const pid of daemons.splice(0)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  directory.remove();
});

/** A program that launches itself and, as the daemon, does what `body` says. */
function program(body: string): string {
  const path = join(directory.path, 'program.mjs');
  writeFileSync(
    path,
    `import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
     import { launchInBackground } from ${JSON.stringify(LAUNCH)};
     import { takeLaunched } from ${JSON.stringify(LAUNCHED)};
     const launched = takeLaunched(process.env);
     if (launched === undefined) {
       const { execPath, execArgv, argv, env } = process;
       const print = (stream) => (bytes) => stream.write(bytes);
       const output = { stdout: print(process.stdout), stderr: print(process.stderr) };
       process.exit(await launchInBackground({
         what: 'daemon', failureExitCode: 7, execPath, execArgv, argv: argv.slice(1), env, ...output }));
     }
     writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
     const ready = async (options = { changeDirectory: true }) => {
       const { openNative } = await import(${JSON.stringify(NATIVE)});
       launched.becomeReady(openNative().files, options);
     };
     ${body}`,
  );
  return path;
}

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it. @param whenStarted called once the daemon is there. */
async function run(
  body: string,
  whenStarted?: (launcherPid: number, daemonPid: number) => unknown,
): Promise<Outcome> {
  const child = spawn(process.execPath, [program(body), 'argument'], { cwd: directory.path });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const closed = new Promise<Outcome>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
  if (whenStarted !== undefined) {
    await whenStarted(child.pid ?? 0, await daemonPid());
  }
  return await closed;
}

async function daemonPid(): Promise<number> {
  for (let tries = 0; tries < 1000; tries += 1) {
    try {
      const pid = Number(readFileSync(pidFile, 'utf8'));
      if (pid > 0) return pid;
    } catch {
      // Not yet there.
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the daemon did not start');
}

function isAlive(pid: number): boolean {
  try {
    // A zombie has no command line.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

const STAY = `setTimeout(() => {}, 60_000);`;

describe('launchInBackground', () => {
  test('returns 0 when the daemon is ready, and the daemon has left the terminal', async () => {
    const outcome = await run(`console.log('starting'); await ready(); console.log('unheard'); ${STAY}`);
    // The end of both streams says that the daemon holds neither any more.
    expect(outcome).toEqual({ code: 0, stdout: 'starting\n', stderr: '' });
    const pid = await daemonPid();
    daemons.push(pid);
    const [, , ppid, , session] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ').map(Number);
    expect([ppid === process.pid, session]).toEqual([false, pid]);
  });

  test('the daemon sits in /, with /dev/null for its standard streams, and has the arguments', async () => {
    const seen = join(directory.path, 'seen');
    await run(`await ready();
      const fds = [0, 1, 2].map((fd) => readlinkSync('/proc/self/fd/' + fd));
      writeFileSync(${JSON.stringify(seen)}, JSON.stringify([
        process.cwd(), ...fds, process.argv[2], Object.keys(process.env).filter((name) => name.startsWith('PORTC')),
      ]));
      ${STAY}`);
    daemons.push(await daemonPid());
    for (let tries = 0; tries < 300; tries += 1) {
      try {
        expect(JSON.parse(readFileSync(seen, 'utf8'))).toEqual([
          '/',
          ...['/dev/null', '/dev/null', '/dev/null'],
          'argument',
          [],
        ]);
        return;
      } catch (error) {
        if (tries === 299) throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  });

  test('what the daemon complains about while it starts is heard, and its exit code returned', async () => {
    const outcome = await run(`console.error('ERROR: no'); process.exit(2);`);
    expect(outcome).toEqual({ code: 2, stdout: '', stderr: 'ERROR: no\n' });
  });

  test.each([
    [`process.kill(process.pid, 'SIGKILL'); ${STAY}`, 'was ended by SIGKILL'],
    [`process.exit(0);`, 'ended'],
  ])('%s before it is ready: the exit code for failures, and a line that says so', async (body, how) => {
    const outcome = await run(body);
    expect(outcome).toEqual({
      code: 7,
      stdout: '',
      stderr: `ERROR: The daemon ${how} before it was ready\n`,
    });
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('%s while it waits ends both', async (signal, code) => {
    const outcome = await run(STAY, (launcherPid) => process.kill(launcherPid, signal));
    expect(outcome).toEqual({ code, stdout: '', stderr: '' });
    expect(isAlive(await daemonPid())).toBe(false);
  });

  test('HUP while it waits changes nothing', async () => {
    const body = `process.on('SIGUSR2', () => void ready()); ${STAY}`;
    const outcome = await run(body, async (launcherPid, pid) => {
      process.kill(launcherPid, 'SIGHUP');
      await new Promise((resolve) => setTimeout(resolve, 500));
      process.kill(pid, 'SIGUSR2');
    });
    daemons.push(await daemonPid());
    expect(outcome.code).toBe(0);
  });

  test('a daemon whose launcher was killed goes on', async () => {
    const body = `process.on('SIGUSR2', () => void ready()); ${STAY}`;
    const outcome = await run(body, async (launcherPid, pid) => {
      process.kill(launcherPid, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 500));
      process.kill(pid, 'SIGUSR2');
    });
    const pid = await daemonPid();
    daemons.push(pid);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect([outcome.code, isAlive(pid), readlinkSync(`/proc/${pid}/cwd`)]).toEqual([null, true, '/']);
  });
});

describe('takeLaunched', () => {
  test('a process that nobody launched knows, whatever its environment says', async () => {
    const { takeLaunched } = await import('./launched.js');
    const env = { PORTCULLIS_READY_FD: '99', OTHER: 'kept' };
    expect(takeLaunched(env)).toBeUndefined();
    expect(env).toEqual({ OTHER: 'kept' });
    expect(takeLaunched({})).toBeUndefined();
  });
});
