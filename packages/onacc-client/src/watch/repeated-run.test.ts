import { describe, expect, test } from '@jest/globals';
import { RepeatedRun } from './repeated-run.js';

describe('RepeatedRun', () => {
  test('runs one at a time, and once more for all calls that came meanwhile', async () => {
    const log: string[] = [];
    const releases: (() => void)[] = [];
    const runs = new RepeatedRun(
      async () => {
        log.push('begin');
        await new Promise<void>((resolve) => releases.push(resolve));
        log.push('end');
      },
      () => {
        log.push('pause');
        return Promise.resolve();
      },
    );
    const all = [runs.run(), runs.run(), runs.run()];
    releases.shift()?.();
    // The second run begins some turns later.
    while (releases.length === 0) await new Promise((resolve) => setImmediate(resolve));
    releases.shift()?.();
    await Promise.all(all);
    expect(log).toEqual(['begin', 'end', 'pause', 'begin', 'end']);
  });

  test('a run that fails rejects, and the next call runs again', async () => {
    let runsBegun = 0;
    const runs = new RepeatedRun(() => {
      runsBegun += 1;
      return runsBegun === 1 ? Promise.reject(new Error('first')) : Promise.resolve();
    });
    await expect(runs.run()).rejects.toThrow('first');
    await runs.run();
    expect(runsBegun).toBe(2);
  });
});
