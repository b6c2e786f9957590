import { describe, expect, test } from '@jest/globals';
import { bytesInput } from '../engine.js';
import { normaliseText } from './text.js';

const ALWAYS = { mayContinue: (): boolean => true };

function textOf(bytes: Buffer): string | undefined {
  const form = normaliseText(bytesInput(bytes), 1_000_000, ALWAYS);
  return form && Buffer.from(form.bytes).toString('latin1');
}

/** What `sigtool --ascii-normalise` of ClamAV 1.4.6 wrote. */
const CASES: readonly (readonly [string, string])[] = [
  ['a  ', 'a '],
  [' a', ' a'],
  ['a \n\r\tB', 'a b'],
  ['a \0 b', 'a b'],
  ['a\0\0b', 'ab'],
  ['a\xa0 b', 'a b'],
  ['\x7f', '\x7f'],
];

describe('normaliseText', () => {
  test.each(CASES)('%j', (input, expected) => {
    expect(textOf(Buffer.from(input, 'latin1'))).toBe(expected);
  });

  test('drops control characters and all beyond ASCII', () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const printable = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x21 + index));
    expect(textOf(all)).toBe(` ${printable.join('').toLowerCase()}`.replace('  ', ' '));
  });

  test('begins a new run of white space every 131,072 bytes', () => {
    expect(textOf(Buffer.from(' '.repeat(200_000)))).toBe('  ');
  });

  test('takes UTF-16 byte by byte', () => {
    const text = Buffer.from('\ufeffA  \u20acB\u4443', 'utf16le');
    expect(textOf(text)).toBe('a bcd');
    expect(textOf(text.swap16())).toBe('a bdc');
  });

  test('makes nothing of a file above the limit, or when time is up', () => {
    const input = bytesInput(Buffer.alloc(1001, 'a'));
    expect(normaliseText(input, 1000, ALWAYS)).toBeUndefined();
    expect(normaliseText(input, 1001, { mayContinue: () => false })).toBeUndefined();
  });
});
