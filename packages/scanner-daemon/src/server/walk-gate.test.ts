import { describe, expect, test } from '@jest/globals';
import { WalkGate } from './walk-gate.js';

const forEver = new AbortController().signal;

describe('WalkGate', () => {
  test('lets in MaxThreads at a time, and at most twelve', async () => {
    for (const [threadsMax, expected] of [
      [1, 1],
      [4, 4],
      [100, 12],
    ] as const) {
      const gate = new WalkGate(threadsMax);
      let entered = 0;
      for (let n = 0; n < 20; n += 1) void gate.enter(forEver).then(() => (entered += 1));
      await Promise.resolve();
      expect(entered).toBe(expected);
    }
  });

  test('a place goes to whoever waits longest, and not to a client that is gone', async () => {
    const gate = new WalkGate(1);
    expect(await gate.enter(forEver)).toBe(true);
    const gone = new AbortController();
    const order: string[] = [];
    const first = gate.enter(gone.signal).then((isIn) => order.push(`first ${isIn}`));
    const second = gate.enter(forEver).then((isIn) => order.push(`second ${isIn}`));
    const third = gate.enter(forEver).then((isIn) => order.push(`third ${isIn}`));
    gone.abort();
    await first;
    gate.leave();
    await second;
    gate.leave();
    await third;
    expect(order).toEqual(['first false', 'second true', 'third true']);
    expect(await new WalkGate(1).enter(gone.signal)).toBe(false);
  });

  test('a place that nobody waits for is free again', async () => {
    const gate = new WalkGate(1);
    for (let n = 0; n < 3; n += 1) {
      expect(await gate.enter(forEver)).toBe(true);
      gate.leave();
    }
  });
});
