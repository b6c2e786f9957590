import { afterEach, describe, expect, test } from '@jest/globals';
import { ProcessKeeper } from '../process-keeper.js';
import { runTimed, splitTimes } from './run-timed.js';

let keeper = new ProcessKeeper();

afterEach(async () => {
  await keeper.close();
  keeper = new ProcessKeeper();
});

describe('runTimed', () => {
  test('runTimed: gives back output, exit code and the CPU time of the program alone', async () => {
    const busy =
      'const end = process.cpuUsage().user + 300_000; while (process.cpuUsage().user < end); console.log("a b"); process.exit(3)';
    const run = await runTimed(keeper, [process.execPath, '-e', busy], 30);
    expect(run).toMatchObject({ exitCode: 3, stdout: 'a b\n' });
    expect(run.cpuMs).toBeGreaterThanOrEqual(300);
    expect(run.residentPeakBytes).toBeGreaterThan(1e6);
    const idle = await runTimed(keeper, ['sleep', '0.5'], 30);
    expect(idle.wallMs).toBeGreaterThanOrEqual(490);
    expect(idle.cpuMs).toBeLessThan(idle.wallMs / 2);
  });

  test('runTimed: arguments reach the program as they are', async () => {
    const run = await runTimed(keeper, ['printf', '%s|', '$HOME', 'a b', '"'], 30);
    expect(run.stdout).toBe('$HOME|a b|"|');
  });

  test('runTimed: a program that outlives its time is a failure', async () => {
    await expect(runTimed(keeper, ['sleep', '30'], 1)).rejects.toMatchObject({ code: 'BENCH_CHILD_FAILED' });
  });
});

test('splitTimes: reads what dash and bash print', () => {
  expect(splitTimes('out\n@times@\n0m0.00s 0m0.00s\n1m2.50s 0m0.25s\n')).toEqual({
    stdout: 'out',
    cpuMs: 62_750,
  });
  expect(splitTimes('\n@times@\n0m0.001s 0m0.000s\n0m0.010s 0m0.005s\n')).toEqual({ stdout: '', cpuMs: 15 });
  expect(splitTimes('out')).toBeUndefined();
  expect(splitTimes('out\n@times@\n')).toBeUndefined();
});
