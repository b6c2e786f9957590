import { expect, test } from '@jest/globals';
import { codeOf } from './native-under-test.js';
import type { NativeUnderTest } from './native-under-test.js';

/** The part of the native contract about regular expressions. */
export function patternContract(current: () => NativeUnderTest): void {
  const matches = (pattern: string, text: string): boolean =>
    current().native.patterns.compile(Buffer.from(pattern)).matches(Buffer.from(text));

  test.each([
    ['b', 'abc', true],
    ['B', 'abc', false],
    ['^b', 'abc', false],
    ['c$', 'abc', true],
    ['x|^a', 'abc', true],
    ['[[:digit:]]{3}$', '/a/123', true],
    ['.', '\n', true],
    ['^.$', 'É', false],
    ['^..$', 'É', true],
    ['b', 'a\0b', false],
    ['^$', '', true],
  ])('patterns: %j on %j is %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  test('patterns: each has its own state, and none remembers the text of another', () => {
    const { patterns } = current().native;
    const [first, second] = [patterns.compile(Buffer.from('long')), patterns.compile(Buffer.from('^s'))];
    expect([first.matches(Buffer.from('a long text')), second.matches(Buffer.from('s'))]).toEqual([
      true,
      true,
    ]);
    expect(first.matches(Buffer.from('a'))).toBe(false);
    expect(second.matches(Buffer.from('a'))).toBe(false);
  });

  test('patterns: a bad one is BAD_PATTERN with the reason of regerror(3)', () => {
    const { patterns } = current().native;
    expect(codeOf(() => patterns.compile(Buffer.from('[[:nope:]]')))).toBe('BAD_PATTERN');
    expect(() => patterns.compile(Buffer.from('[[:nope:]]'))).toThrow('Invalid character class name');
    expect(() => patterns.compile(Buffer.from('[z-a]'))).toThrow('Invalid range end');
  });
}
