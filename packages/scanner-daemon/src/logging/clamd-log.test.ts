import { describe, expect, test } from '@jest/globals';
import { createFanOut, type ClamdLog } from './clamd-log.js';

function recorder(cleanFiles: boolean, calls: string[]): ClamdLog {
  return {
    cleanFiles,
    write: (severity, text) => void calls.push(`${severity} ${text}`),
    reopen: () => void calls.push('reopen'),
    close: () => void calls.push('close'),
  };
}

describe('createFanOut', () => {
  test('is nothing for no log, and the log itself for one', () => {
    const only = recorder(false, []);
    expect(createFanOut([])).toBeUndefined();
    expect(createFanOut([only])).toBe(only);
  });

  test('hands everything to each of several', () => {
    const calls: string[] = [];
    const both = createFanOut([recorder(false, calls), recorder(true, calls)]);
    expect(both?.cleanFiles).toBe(true);
    both?.write('warning', 'x');
    both?.reopen();
    both?.close();
    expect(calls).toEqual(['warning x', 'warning x', 'reopen', 'reopen', 'close', 'close']);
  });
});
