import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sanitize } from './sanitize.js';

describe('sanitize', () => {
  test('leaves ordinary names alone, in any script', () => {
    expect(sanitize('/srv/Straße/文件.txt')).toBe('/srv/Straße/文件.txt');
    expect(sanitize(Buffer.from('/srv/Straße'))).toBe('/srv/Straße');
  });

  test('makes control characters visible', () => {
    expect(sanitize('a\nb\rc\td\u001b[31m\u0000')).toBe('a\\nb\\rc\\td\\x1b[31m\\x00');
  });

  test('makes marks that reorder or break a line visible', () => {
    expect(sanitize('gpj\u202eexe\u2028x')).toBe('gpj\\u202eexe\\u2028x');
  });

  test('escapes the backslash, so that an escape cannot be forged', () => {
    expect(sanitize('a\\nb')).toBe('a\\\\nb');
  });

  test('shows bytes that are not UTF-8 as replacement characters', () => {
    expect(sanitize(Buffer.from([0x61, 0xff, 0x62]))).toBe('a\ufffdb');
  });

  test('shows the bytes that a decoded path could not express in UTF-8, and leaves pairs of surrogates alone', () => {
    expect(sanitize('/srv/bad\udcff/😀')).toBe('/srv/bad\\xff/😀');
    expect(sanitize('\ud800a\udc00')).toBe('\\ud800a\\udc00');
  });

  test('cuts what is too long and tells the length', () => {
    expect(sanitize('x'.repeat(20), 5)).toBe('xxxxx… (20 characters)');
    expect(sanitize(Buffer.from('x'.repeat(5000)), 5)).toBe('xxxxx… (5000 bytes)');
    expect(sanitize('abc😀😀', 4)).toBe('abc… (7 characters)');
    expect(sanitize('\n\n\n', 4)).toBe('\\n\\n… (3 characters)');
  });

  test('never lets a control character through and never exceeds its bound', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = sanitize(bytes, 40);
        // eslint-disable-next-line no-control-regex -- that is what is tested
        expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        expect(text.length).toBeLessThanOrEqual(40 + 20);
      }),
    );
  });
});
