import { describe, expect, test } from '@jest/globals';
import { GateGrowth } from './gate-growth.js';

describe('GateGrowth', () => {
  test('with two gates free nothing is done', () => {
    const growth = new GateGrowth(16);
    expect(growth.look({ started: 3, free: 2, nowMs: 1_000 })).toBe('none');
    expect(growth.look({ started: 3, free: 3, nowMs: 60_000 })).toBe('none');
  });

  test('with one left another one is started, one at a time, up to the bound', () => {
    const growth = new GateGrowth(5);
    expect(growth.look({ started: 3, free: 1, nowMs: 1_000 })).toBe('start');
    expect(growth.look({ started: 4, free: 1, nowMs: 1_050 })).toBe('none');
    growth.onStarted();
    expect(growth.look({ started: 4, free: 1, nowMs: 1_100 })).toBe('start');
    expect(growth.look({ started: 5, free: 1, nowMs: 1_150 })).toBe('none');
    growth.onStarted();
    expect(growth.look({ started: 5, free: 1, nowMs: 1_200 })).toBe('exhausted');
    expect(growth.look({ started: 5, free: 0, nowMs: 1_300 })).toBe('none');
  });

  test('of many gates three are left when it is said that they run out', () => {
    const growth = new GateGrowth(16);
    expect(growth.look({ started: 15, free: 3, nowMs: 1_000 })).toBe('none');
    expect(growth.look({ started: 16, free: 4, nowMs: 1_000 })).toBe('none');
    expect(growth.look({ started: 16, free: 3, nowMs: 1_100 })).toBe('exhausted');
  });

  test('with as many gates at the start as there may be, they do not run out before one is stuck', () => {
    for (const gates of [2, 3, 4, 8]) {
      const growth = new GateGrowth(gates);
      expect(growth.look({ started: gates, free: gates, nowMs: 1_000 })).toBe('none');
      expect(growth.look({ started: gates, free: 1, nowMs: 2_000 })).toBe('exhausted');
    }
  });

  test('a gate that does not come up is not waited for', () => {
    const growth = new GateGrowth(16);
    expect(growth.look({ started: 3, free: 1, nowMs: 1_000 })).toBe('start');
    expect(growth.look({ started: 4, free: 1, nowMs: 2_900 })).toBe('none');
    expect(growth.look({ started: 4, free: 1, nowMs: 3_000 })).toBe('exhausted');
  });

  test('gates are said to be free once they have been so for a while, and only after they were not', () => {
    const growth = new GateGrowth(3);
    const free = (count: number, nowMs: number) => growth.look({ started: 3, free: count, nowMs });
    expect(free(1, 1_000)).toBe('exhausted');
    expect(free(3, 2_000)).toBe('none');
    expect(free(1, 3_000)).toBe('none');
    expect(free(3, 4_000)).toBe('none');
    expect(free(3, 13_999)).toBe('none');
    expect(free(3, 14_000)).toBe('free');
    expect(free(3, 90_000)).toBe('none');
    expect(free(1, 91_000)).toBe('exhausted');
  });
});
