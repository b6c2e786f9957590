import { describe, expect, test } from '@jest/globals';
import { bytesInput } from '../engine.js';
import { normaliseText } from './text.js';
import type { TextEncoding } from './text.js';

const ALWAYS = { mayContinue: (): boolean => true };

function textOf(bytes: Buffer, encoding: TextEncoding = 'singleByte'): string | undefined {
  const form = normaliseText(bytesInput(bytes), { encoding, maxBytes: 1_000_000 }, ALWAYS);
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

  test('reads UTF-16 of either order', () => {
    expect(textOf(Buffer.from('\ufeffA  \u20acB', 'utf16le'), 'utf16le')).toBe('a b');
    expect(textOf(Buffer.from('\ufeffA  \u20acB', 'utf16le').swap16(), 'utf16be')).toBe('a b');
  });

  test('makes nothing of a file above the limit, or when time is up', () => {
    const input = bytesInput(Buffer.alloc(1001, 'a'));
    const options = { encoding: 'singleByte', maxBytes: 1000 } as const;
    expect(normaliseText(input, options, ALWAYS)).toBeUndefined();
    expect(
      normaliseText(input, { ...options, maxBytes: 1001 }, { mayContinue: () => false }),
    ).toBeUndefined();
  });
});
