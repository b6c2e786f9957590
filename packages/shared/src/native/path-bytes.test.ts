import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodePath, encodePath } from './path-bytes.js';

/** Arbitrary bytes, and those that are nearly UTF-8: leads, continuations, surrogates, overlong forms, a BOM. */
const anyBytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.string({ unit: 'binary', maxLength: 3 }).map((text) => Buffer.from(text)),
      fc
        .constantFrom('edb3bf', 'eda080', 'c080', 'efbbbf', 'efbfbd', 'e282', 'f0908d', 'f4908080', 'c3')
        .map((hex) => Buffer.from(hex, 'hex')),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));

describe('decodePath and encodePath', () => {
  test('lose no byte, whatever the bytes are', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(encodePath(decodePath(bytes)).toString('hex')).toBe(bytes.toString('hex'));
      }),
      { numRuns: 2_000 },
    );
  });

  test('a path that is put together of decoded names has the bytes of the names', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (parent, name) => {
        const bytes = Buffer.concat([parent, Buffer.from('/'), name]);
        expect(`${decodePath(parent)}/${decodePath(name)}`).toBe(decodePath(bytes));
      }),
    );
  });

  test('text that is UTF-8 is left alone, in any script', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(decodePath(Buffer.from(text))).toBe(text);
        expect(encodePath(text).toString()).toBe(text);
      }),
    );
  });

  test.each([
    ['62ff63', 'b\udcffc'],
    ['c3a9c3', 'é\udcc3'],
    ['f09f9880ff', '😀\udcff'],
    ['edb3bf', '\udced\udcb3\udcbf'],
    ['efbfbd', '\ufffd'],
    ['efbbbfff', '\ufeff\udcff'],
    ['', ''],
  ])('%s', (hex, text) => {
    expect(decodePath(Buffer.from(hex, 'hex'))).toBe(text);
    expect(encodePath(text).toString('hex')).toBe(hex);
  });

  test('a view into a larger buffer is decoded by itself', () => {
    expect(decodePath(Buffer.from('aa62ffaa', 'hex').subarray(1, 3))).toBe('b\udcff');
  });

  test('a surrogate that stands for no byte becomes U+FFFD', () => {
    expect(encodePath('a\ud800b\udcff').toString('hex')).toBe('61efbfbd62ff');
    expect(encodePath('\udc00').toString('hex')).toBe('efbfbd');
  });
});
