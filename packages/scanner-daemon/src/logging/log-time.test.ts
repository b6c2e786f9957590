import { describe, expect, test } from '@jest/globals';
import { ctime, fileNameTime, monthDayTime } from './log-time.js';

const AT = new Date(2026, 10, 1, 20, 4, 9);

describe('times of log lines', () => {
  test('ctime and syslog pad the day of the month with a space', () => {
    expect(ctime(AT)).toBe('Sun Nov  1 20:04:09 2026');
    expect(monthDayTime(AT)).toBe('Nov  1 20:04:09');
    expect(ctime(new Date(2026, 0, 31, 0, 0, 0))).toBe('Sat Jan 31 00:00:00 2026');
  });

  test('a rotated file is named by digits alone', () => {
    expect(fileNameTime(AT)).toBe('20261101_200409');
  });
});
