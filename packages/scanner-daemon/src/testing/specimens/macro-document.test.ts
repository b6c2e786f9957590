import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decompressVba } from '../../engine/unpack/ole2/vba-compression.js';
import { unpackAll } from '../../engine/unpack/testing/unpack-all.js';
import { macroDocument } from './macro-document.js';
import { compressVba } from './vba-compress.js';

describe('a document with macros', () => {
  test('holds the sources of its modules', () => {
    const document = macroDocument([{ name: 'Module1', source: Buffer.from('Sub AutoOpen()') }]);
    expect(unpackAll('ole2', document ?? Buffer.alloc(0)).entries).toContain('Module1=Sub AutoOpen()');
  });

  test('is not made of what does not compress', () => {
    let state = 1;
    const noise = Uint8Array.from({ length: 5000 }, () => (state = (state * 48271) % 0x7fffffff) >> 8);
    expect(macroDocument([{ name: 'Module1', source: noise }])).toBeUndefined();
  });

  test('compresses so that the same comes out', () => {
    const words = fc.array(fc.constantFrom('Dim ', 'x', ' = ', '"abc"', '\r\n', 'qqqqqqqqqqqq'), {
      maxLength: 4000,
    });
    fc.assert(
      fc.property(words, (parts) => {
        const source = Buffer.from(parts.join(''));
        const packed = Buffer.from(compressVba(source) ?? []);
        const limits = { limitBytes: Infinity, mayContinue: () => true };
        expect(Buffer.from(decompressVba(packed, limits).bytes).equals(source)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});
