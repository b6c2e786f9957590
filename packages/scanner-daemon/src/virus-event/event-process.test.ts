import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { startEventProcess, type EventEnd, type EventProcessLimits } from './event-process.js';

const LIMITS: EventProcessLimits = { timeoutMs: 30_000, killGraceMs: 200, outputMaxBytes: 100 };
const PATH = '/usr/bin:/bin';

function run(command: string, limits: Partial<EventProcessLimits> = {}): Promise<EventEnd> {
  return new Promise((resolve) => {
    startEventProcess(
      { program: '/bin/sh', args: ['-c', command], environment: { PATH } },
      { ...LIMITS, ...limits },
      resolve,
    );
  });
}

describe('startEventProcess', () => {
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

  test('a job in the background that holds the output is let go of at the timeout', async () => {
    const startedAtMs = performance.now();
    const { exitCode, isTimedOut, output } = await run('sleep 20 & echo $!', { timeoutMs: 300 });
    expect([exitCode, isTimedOut]).toEqual([0, true]);
    expect(performance.now() - startedAtMs).toBeLessThan(10_000);
    process.kill(Number(output.toString()));
  });

  test('tells why a command could not be started', async () => {
    const ends = await Promise.all(
      ['/nonexistent/sh', '/bin/sh\0'].map(
        (program) =>
          new Promise<EventEnd>((resolve) => {
            startEventProcess({ program, args: [], environment: {} }, LIMITS, resolve);
          }),
      ),
    );
    expect(ends).toMatchObject([
      { exitCode: undefined, error: { code: 'ENOENT' } },
      { exitCode: undefined, error: { code: 'ERR_INVALID_ARG_VALUE' } },
    ]);
  });
});

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
