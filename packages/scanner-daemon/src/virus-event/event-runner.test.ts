import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CommandRunner, ReportedEnd } from '@portcullis/shared';
import { describeOrSkip } from '@portcullis/shared/testing';
import { findAccount } from '../process/account.js';
import { openEventRunner, type EventRunnerOptions } from './event-runner.js';

const LIMITS = { timeoutMs: 20_000, killGraceMs: 200, outputMaxBytes: 4096 };

const runners: CommandRunner[] = [];
afterEach(() => {
  for (const runner of runners.splice(0)) runner.close();
});

function open(options: Partial<EventRunnerOptions> = {}): CommandRunner {
  const runner = openEventRunner({ niceValue: getPriority(), ...options });
  runners.push(runner);
  return runner;
}

function run(runner: CommandRunner, command: string, limits = LIMITS): Promise<ReportedEnd> {
  return new Promise((resolve) => {
    runner.start(
      { program: '/bin/sh', args: ['-c', command], environment: { PATH: '/usr/bin:/bin' } },
      limits,
      resolve,
    );
  });
}

describe('openEventRunner', () => {
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

  test('has the working directory and the standard error it is given, or ours', async () => {
    const whereabouts = async (runner: CommandRunner): Promise<string[]> => {
      const { output } = await run(runner, 'echo $PPID');
      return ['cwd', 'fd/2'].map((name) => readlinkSync(`/proc/${Number(output.toString())}/${name}`));
    };
    expect(await whereabouts(open({ workingDirectory: '/', stderr: 'ignore' }))).toEqual(['/', '/dev/null']);
    expect(await whereabouts(open())).toEqual([process.cwd(), readlinkSync('/proc/self/fd/2')]);
  });

  test.each([
    ['emits an error', '/nonexistent/directory'],
    ['throws', '/\0'],
  ])('a fork that %s fails the commands, and no more', async (_, workingDirectory) => {
    const runner = open({ workingDirectory });
    const ends = await Promise.all([run(runner, 'exit 0'), run(runner, 'exit 0')]);
    expect(ends).toMatchObject([
      { pid: undefined, exitCode: undefined, error: { message: expect.any(String) } },
      { pid: undefined, exitCode: undefined, error: { message: expect.any(String) } },
    ]);
  });

  test('without a free descriptor commands fail with the reason, and later ones have a runner, after a while', () => {
    const script = `
      import { closeSync, openSync } from 'node:fs';
      const { openEventRunner } = await import(${JSON.stringify(new URL('event-runner.js', import.meta.url).href)});
      const opened = [];
      const exhaust = () => { try { for (;;) opened.push(openSync('/dev/null')); } catch {} };
      const command = { program: '/bin/sh', args: ['-c', 'exit 6'], environment: {} };
      const run = () => new Promise((resolve) => runner.start(command, ${JSON.stringify(LIMITS)}, resolve));
      exhaust();
      const runner = openEventRunner({ niceValue: 0 });
      const seen = [(await run()).error.code];
      for (const fd of opened.splice(0)) closeSync(fd);
      seen.push((await run()).error.code);
      await new Promise((resolve) => setTimeout(resolve, 1200));
      seen.push((await run()).exitCode);
      runner.close();
      console.log(JSON.stringify(seen));`;
    const { stdout, stderr } = spawnSync(
      '/bin/sh',
      ['-c', 'ulimit -n 100; exec "$0" --input-type=module -e "$1"', process.execPath, script],
      { encoding: 'utf8', timeout: 20_000 },
    );
    expect([stdout, stderr]).toEqual(['["EMFILE","EMFILE",6]\n', '']);
  }, 30_000);
});

const whyNotRoot = process.geteuid?.() === 0 ? undefined : 'needs root';

describeOrSkip('the account of openEventRunner', whyNotRoot, () => {
  test('is that of its commands', async () => {
    const account = findAccount('nobody') ?? { uid: -1, gid: -1, groups: [] };
    const { output } = await run(open({ account }), 'id -u; id -g; id -G');
    expect(output.toString().trim().split('\n')).toEqual([
      String(account.uid),
      String(account.gid),
      account.groups.join(' '),
    ]);
  });

  test('one that cannot be had is the end of the runner, and nothing is run', () => {
    const script = `
      const { openEventRunner } = await import(${JSON.stringify(new URL('event-runner.js', import.meta.url).href)});
      process.setgroups([65534]); process.setgid(65534); process.setuid(65534);
      const runner = openEventRunner({ niceValue: 0, account: { uid: 1, gid: 1, groups: [1] } });
      const command = { program: '/bin/sh', args: ['-c', 'exit 0'], environment: {} };
      const run = () => new Promise((resolve) => runner.start(command, ${JSON.stringify(LIMITS)}, resolve));
      for (let n = 0; n < 3; n += 1) console.log((await run()).error.message);`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 20_000,
      cwd: '/',
    });
    expect(stdout).toBe('the event runner could not become the account of User for good\n'.repeat(3));
  }, 30_000);
});

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
