import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { EventRunner, type ReportedEnd } from './event-runner.js';

const LIMITS = { timeoutMs: 20_000, killGraceMs: 200, outputMaxBytes: 4096 };

const runners: EventRunner[] = [];
afterEach(() => {
  for (const runner of runners.splice(0)) runner.close();
});

function open(): EventRunner {
  const runner = new EventRunner();
  runners.push(runner);
  return runner;
}

function run(runner: EventRunner, command: string, limits = LIMITS): Promise<ReportedEnd> {
  return new Promise((resolve) => {
    runner.start(
      { program: '/bin/sh', args: ['-c', command], environment: { PATH: '/usr/bin:/bin' } },
      limits,
      resolve,
    );
  });
}

describe('EventRunner', () => {
  test('starts commands in a process of its own, which has nothing of ours', async () => {
    const runner = open();
    const { exitCode, output, pid } = await run(
      runner,
      'echo $PPID; tr "\\0" "\\n" < /proc/$PPID/environ; exit 3',
    );
    const [runnerPid, ...variables] = output.toString().trim().split('\n');
    expect(exitCode).toBe(3);
    expect(pid).toBeGreaterThan(0);
    expect(Number(runnerPid)).not.toBe(process.pid);
    expect(variables.every((line) => line.startsWith('NODE_CHANNEL_'))).toBe(true);
  });

  test('tells each of many commands apart', async () => {
    const runner = open();
    const ends = await Promise.all(Array.from({ length: 20 }, (_, n) => run(runner, `echo ${n}; exit ${n}`)));
    expect(ends.map(({ exitCode, output }) => [exitCode, Number(output.toString())])).toEqual(
      Array.from({ length: 20 }, (_, n) => [n, n]),
    );
  });

  test('tells of a command that could not be started, and of one that took too long', async () => {
    const runner = open();
    const missing = new Promise<ReportedEnd>((resolve) => {
      runner.start({ program: '/nonexistent', args: [], environment: {} }, LIMITS, resolve);
    });
    expect((await missing).error).toBeDefined();
    expect(await run(runner, 'sleep 600', { ...LIMITS, timeoutMs: 200 })).toMatchObject({ isTimedOut: true });
  });

  test('a runner that dies fails its commands, and the next command has a new one', async () => {
    const runner = open();
    const lost = run(runner, 'kill -9 $PPID; sleep 1');
    expect(await lost).toMatchObject({
      exitCode: undefined,
      error: { message: expect.stringContaining('SIGKILL') },
    });
    expect(await run(runner, 'exit 4')).toMatchObject({ exitCode: 4, error: undefined });
  });

  test('goes on after the signals that a terminal or a service manager sends to all', async () => {
    const runner = open();
    await run(runner, 'kill -TERM $PPID; kill -INT $PPID; kill -HUP $PPID');
    expect(await run(runner, 'exit 5')).toMatchObject({ exitCode: 5 });
  });

  test('ends when it is closed, once its commands have', async () => {
    const runner = open();
    const { output } = await run(runner, 'echo $PPID');
    const runnerPid = Number(output.toString());
    const left = await run(runner, 'sleep 1 > /dev/null 2>&1 & echo $!');
    runner.close();
    for (let tries = 0; tries < 200 && isRunning(runnerPid); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(left.exitCode).toBe(0);
    expect(isRunning(runnerPid)).toBe(false);
  });
});

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
