import { describe, expect, test } from '@jest/globals';
import { RestartDelay } from './restart-delay.js';

describe('RestartDelay', () => {
  test('not at all at first, then twice as long each time, up to a bound', () => {
    const delay = new RestartDelay(() => 0);
    const delaysMs = Array.from({ length: 8 }, () => delay.next());
    expect(delaysMs).toEqual([0, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  test('one that served for a minute is started again at once', () => {
    let nowMs = 0;
    const delay = new RestartDelay(() => nowMs);
    for (let death = 0; death < 5; death += 1) delay.next();
    delay.served();
    nowMs += 60_000;
    expect(delay.next()).toBe(0);
    expect(delay.next()).toBe(500);
  });

  test('one that came back and died soon does not shorten the delay', () => {
    let nowMs = 0;
    const delay = new RestartDelay(() => nowMs);
    for (let death = 0; death < 3; death += 1) delay.next();
    delay.served();
    nowMs += 59_999;
    expect(delay.next()).toBe(2000);
  });

  test('time that passes without a service does not count as one', () => {
    let nowMs = 0;
    const delay = new RestartDelay(() => nowMs);
    delay.next();
    nowMs += 3_600_000;
    expect(delay.next()).toBe(500);
  });
});
