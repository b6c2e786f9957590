import { describe, expect, test } from '@jest/globals';
import { pcreRangeOf, PcreMatcher, type PcreRange } from './pcre-matcher.js';

const LIMITS = { matchLimit: 100_000, recursionLimit: 2000, mayContinue: () => true };
const ANY: PcreRange = { kind: 'any' };
const matcher = new PcreMatcher();

function countOf(text: string, pattern: string, flags: string, range: PcreRange = ANY): number {
  const outcome = matcher.match({ pattern, flags }, Buffer.from(text, 'latin1'), range, LIMITS);
  return outcome.kind === 'matched' ? outcome.count : 0;
}

function from(fileOffset: number, maxShiftBytes = 0): PcreRange {
  return { kind: 'from', fileOffset, maxShiftBytes };
}

describe('how often a PCRE subsignature matches, as clamscan 1.4.6 counts', () => {
  test.each([
    ['marker ab ab ab ab', 'ab', '', 1],
    ['marker ab ab ab ab', 'ab', 'g', 4],
    ['marker abababa', 'aba', 'g', 2],
    ['marker ab ab ab ab', 'x|ab ab', 'g', 2],
    ['marker ab', 'q*', '', 1],
    ['marker', '[mar]', 'gA', 3],
    ['marker', '\\G[mar]', 'g', 3],
    ['marker ab', 'ab', 'A', 0],
  ])('%j with /%s/%s: %i', (text, pattern, flags, count) => {
    expect(countOf(text, pattern, flags)).toBe(count);
  });

  test('an expression that matches nothing everywhere still ends with flag g', () => {
    expect(countOf('marker ab', 'q*', 'g')).toBe(10);
  });
});

describe('offsets, as clamscan 1.4.6 has them', () => {
  // "ab" at 10, 20 and 30 of 40 bytes.
  const text = 'marker....ab........ab........ab........';

  test.each<[number, number, string, number]>([
    [10, 0, '', 1],
    [10, 0, 'g', 1],
    [10, 0, 'r', 1],
    [10, 0, 'gr', 3],
    [9, 0, '', 0],
    [9, 0, 'r', 1],
    [11, 0, 'gr', 2],
    [5, 4, '', 0],
    [5, 5, '', 1],
    [5, 5, 'e', 0],
    [5, 6, 'e', 0],
    [15, 5, '', 1],
    [15, 6, 'e', 0],
    [15, 7, 'e', 1],
    [15, 20, 'g', 2],
    [15, 20, 'ge', 2],
    [21, 30, 'g', 1],
    [0, 100, 'g', 3],
    [40, 0, 'r', 0],
    [41, 5, '', 0],
  ])('%i,%i with flags %j: %i', (offset, maxShift, flags, count) => {
    expect(countOf(text, 'ab', flags, from(offset, maxShift))).toBe(count);
  });

  test('the expression sees nothing before the offset and, with e, nothing behind the shift', () => {
    expect(countOf(text, '^ab', '', from(10))).toBe(1);
    expect(countOf(text, '(?<=\\.)ab', '', from(10))).toBe(0);
    expect(countOf(text, '(?<=\\.)ab', 'r', from(10))).toBe(1);
    expect(countOf(text, 'ab$', 'e', from(10, 2))).toBe(1);
    expect(countOf(text, 'ab$', '', from(10, 2))).toBe(0);
    expect(countOf(text, 'ab(?=\\.)', 'e', from(10, 2))).toBe(0);
  });

  test('a place before the file is anywhere where it is one byte before, and nowhere further off', () => {
    expect(pcreRangeOf({ kind: 'fromEnd', fromEnd: 10, maxShift: 2 }, 40)).toEqual(from(30, 2));
    expect(pcreRangeOf({ kind: 'fromEnd', fromEnd: 41, maxShift: 5 }, 40)).toEqual(ANY);
    expect(pcreRangeOf({ kind: 'fromEnd', fromEnd: 50, maxShift: 20 }, 40)).toEqual({
      kind: 'nowhere',
    });
  });

  test('the first and the last offset count from the start of the file', () => {
    const outcome = matcher.match({ pattern: 'ab', flags: 'gr' }, Buffer.from(text), from(11), LIMITS);
    expect(outcome).toEqual({ kind: 'matched', count: 2, firstOffset: 20, lastOffset: 30 });
  });
});

describe('limits, as PCRE2 counts in clamscan 1.4.6', () => {
  const tries = (byteCount: number): string => `marker ${'y'.repeat(byteCount)}END`;
  const levels = (pairCount: number): string => `marker ${'ab'.repeat(pairCount)}c`;

  test.each<[string, string, number]>([
    [tries(99_990), ' \\w*?END', 1],
    [tries(100_010), ' \\w*?END', 0],
    [tries(120_000), ' \\w*END', 1],
    [tries(99_990), ' [^Z]*yZ|END', 1],
    [tries(100_010), ' [^Z]*yZ|END', 0],
    [tries(120_000), '(?i) Y*?E', 1],
    [levels(1990), ' (?:ab)*c', 1],
    [levels(2100), ' (?:ab)*c', 0],
    [levels(900), ' (ab)*c', 1],
    [levels(1300), ' (ab)*c', 0],
    [levels(600), ' (?:a|b)*c', 1],
    [levels(900), ' (?:a|b)*c', 0],
    [levels(4000), ' (?:ab)*?c', 1],
    [levels(900), ' (?:(?!zz).)+c', 1],
    [levels(1300), ' (?:(?!zz).)+c', 0],
    [levels(1300), ' (?:[^z])+c', 0],
  ])('%#: %s', (text, pattern, count) => {
    expect(countOf(text, pattern, '')).toBe(count);
  });

  test('a catastrophic expression on a megabyte ends as a limit', () => {
    const bytes = Buffer.alloc(1 << 20, 'a');
    for (const pattern of ['(a+)+$b', '(a|aa)+$b', '(?:a*)*b', '(.*)*\\1b'])
      expect(matcher.match({ pattern, flags: '' }, bytes, ANY, LIMITS).kind).toBe('limit');
  });

  test('a search stops when the budget says so', () => {
    const bytes = Buffer.alloc(1 << 20, 'a');
    let looks = 0;
    const mayContinue = (): boolean => ++looks < 3;
    const outcome = matcher.match({ pattern: 'a{900}[^a]', flags: '' }, bytes, ANY, {
      ...LIMITS,
      mayContinue,
    });
    expect(outcome.kind).toBe('limit');
    expect(looks).toBe(3);
  });
});

describe('what cannot run', () => {
  test.each([
    ['a(b', 'malformed'],
    ['a)b', 'malformed'],
    ['*a', 'malformed'],
    ['{2}a', 'malformed'],
    ['a**', 'malformed'],
    ['\\b+a', 'malformed'],
    ['[b-a]', 'malformed'],
    ['(?UTF8)ab', 'malformed'],
    ['a\\2', 'malformed'],
    ['(?<=a+)b', 'malformed'],
    ['(?R)?ab', 'unsupported'],
    ['\\p{L}', 'unsupported'],
    ['(*UTF8)ab', 'unsupported'],
  ])('/%s/ is %s', (pattern, kind) => {
    expect(matcher.match({ pattern, flags: '' }, Buffer.from('ab'), ANY, LIMITS).kind).toBe(kind);
  });
});
