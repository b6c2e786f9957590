import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { startCommand, type CommandEnd, type CommandLimits } from './command-process.js';

const LIMITS: CommandLimits = { timeoutMs: 30_000, killGraceMs: 200, outputMaxBytes: 100 };
const PATH = '/usr/bin:/bin';

function run(command: string, limits: Partial<CommandLimits> = {}): Promise<CommandEnd> {
  return new Promise((resolve) => {
    startCommand(
      { program: '/bin/sh', args: ['-c', command], environment: { PATH } },
      { ...LIMITS, ...limits },
      resolve,
    );
  });
}

describe('startCommand', () => {
  test('tells the exit code and the first of the output', async () => {
    expect(await run('echo out; echo err >&2; exit 3')).toMatchObject({
      exitCode: 3,
      signal: undefined,
      isTimedOut: false,
      error: undefined,
    });
    expect((await run('echo out; echo err >&2')).output.toString().split('\n').sort().join(' ').trim()).toBe(
      'err out',
    );
  });

  test('reads output of any length and keeps the beginning', async () => {
    const { exitCode, output } = await run('head -c 3000000 /dev/zero | tr "\\0" x');
    expect([exitCode, output.toString()]).toEqual([0, 'x'.repeat(100)]);
  });

  test('the command reads nothing, and runs in a session and process group of its own', async () => {
    const { output } = await run('cat; cut -d" " -f1,5,6 /proc/$$/stat');
    const [pid, group, session] = output.toString().trim().split(' ');
    expect([group, session]).toEqual([pid, pid]);
  });

  test('ends a whole group that takes too long', async () => {
    const { isTimedOut, signal, output } = await run('sleep 600 & echo $!; wait', { timeoutMs: 300 });
    expect([isTimedOut, signal]).toEqual([true, 'SIGTERM']);
    await expectGone(Number(output.toString()));
  });

  test('kills what does not heed SIGTERM', async () => {
    const { isTimedOut, signal, output } = await run('trap "" TERM; echo $$; while :; do sleep 1; done', {
      timeoutMs: 300,
    });
    expect([isTimedOut, signal]).toEqual([true, 'SIGKILL']);
    await expectGone(Number(output.toString()));
  });

  test('a job in the background that holds the output keeps nobody waiting', async () => {
    const startedAtMs = performance.now();
    const { exitCode, isTimedOut, output } = await run('sleep 20 & echo $!; exit 3');
    expect([exitCode, isTimedOut]).toEqual([3, false]);
    expect(performance.now() - startedAtMs).toBeLessThan(10_000);
    process.kill(Number(output.toString()));
  });

  test('a job in the background may write after the end of the command, until the timeout', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'command-process-'));
    const file = join(directory, 'written');
    try {
      await run(`exec 3>> ${file}; (trap '' PIPE; sleep 1; echo late && echo yes >&3) &`);
      await until(() => existsSync(file) && readFileSync(file, 'utf8') === 'yes\n');
      await run(`exec 3>> ${file}; (trap '' PIPE; sleep 3; echo late || echo no >&3) &`, { timeoutMs: 1000 });
      await until(() => readFileSync(file, 'utf8') === 'yes\nno\n');
    } finally {
      rmSync(directory, { recursive: true });
    }
  }, 30_000);

  test('a group that is ended is over when the last of it is, not with its first process', async () => {
    const startedAtMs = performance.now();
    const { isTimedOut, output } = await run("(trap '' TERM; while :; do sleep 1; done) & echo $!; wait", {
      ...{ timeoutMs: 500, killGraceMs: 1500 },
    });
    expect(isTimedOut).toBe(true);
    expect(performance.now() - startedAtMs).toBeGreaterThan(1900);
    await expectGone(Number(output.toString()));
  });

  test('tells why a command could not be started', async () => {
    const ends = await Promise.all(
      ['/nonexistent/sh', '/bin/sh\0'].map(
        (program) =>
          new Promise<CommandEnd>((resolve) => {
            startCommand({ program, args: [], environment: {} }, LIMITS, resolve);
          }),
      ),
    );
    expect(ends).toMatchObject([
      { exitCode: undefined, error: { code: 'ENOENT' } },
      { exitCode: undefined, error: { code: 'ERR_INVALID_ARG_VALUE' } },
    ]);
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isTrue(); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  expect(isTrue()).toBe(true);
}

/** Gone, or at least dead: init reaps it in its own time. */
async function expectGone(pid: number): Promise<void> {
  expect(pid).toBeGreaterThan(1);
  for (let tries = 0; tries < 100; tries += 1) {
    if (!isRunning(pid)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(isRunning(pid)).toBe(false);
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
