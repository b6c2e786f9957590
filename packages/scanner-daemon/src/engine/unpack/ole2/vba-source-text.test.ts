import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { vbaSourceText } from './vba-source-text.js';

function textOf(source: string): string {
  return vbaSourceText(Buffer.from(source)).toString();
}

describe('the source of a module in the text of a project', () => {
  // All of them are what clamscan 1.4.6 made of them.
  test.each([
    ['Attribute  VB_Name =   "A  B"\r\nSub X()\r\n', 'attribute vb_name = "A  B"\r\nsub x()\r\n'],
    ['C = "he said ""Hi"" ok"\r\n', 'c = "he said ""Hi"" ok"\r\n'],
    ['X = 1 \' Trailing "Foo\r\nY = "BAR"\r\n', 'x = 1 \' trailing "Foo\r\nY = "bar"\r\n'],
    ['Tab\t\tTab \t Tab\r\n\r\n  Leading\r\nTrailing   \r\n', 'tab tab tab\r\n\r\n leading\r\ntrailing \r\n'],
    ['X = 1 + _\r\n   2 + _\r\n\t3\r\n', 'x = 1 + 2 + 3\r\n'],
    ['Foo_ \r\nBar _ \r\nBaz', 'foo_ \r\nbar _ \r\nbaz'],
    ['A _\nB', 'a b'],
    ['A = "x _\r\n  Y"\r\nZ', 'a = "x _\r\n  Y"\r\nz'],
    ['_\r\nB', '_\r\nb'],
    ['X _\r\n_\r\nY', 'x y'],
    ['A __\r\nB', 'a _b'],
    ['A _ _\r\nB', 'a _ b'],
    ['A _', 'a _'],
    ['X = "A" &_\r\n"D"', 'x = "A" &_\r\n"D"'],
    ['\u00c9 "\u00c9" A\u000bB', '\u00c9 "\u00c9" a\u000bb'],
  ])('%j', (source, expected) => {
    expect(textOf(source)).toBe(expected);
  });

  test('is never longer than the source', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(' ', '_', '\r\n', '"', 'A', '\t')), (parts) => {
        const source = parts.join('');
        expect(textOf(source).length).toBeLessThanOrEqual(source.length);
      }),
    );
  });
});
