import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LineReader } from './line-reader.js';

function read(text: string, { step = text.length, lineMaxBytes = 100 } = {}): (string | number)[] {
  const lines: (string | number)[] = [];
  const reader = new LineReader({
    lineMaxBytes,
    takeLine: (line) => lines.push(line.toString('latin1')),
    onTooLong: (number) => {
      throw new Error(`line ${number}`);
    },
    onEnd: (isEmpty) => lines.push(isEmpty ? 0 : 1),
  });
  const bytes = Buffer.from(text, 'latin1');
  for (let start = 0; start < bytes.length; start += step) {
    const piece = Buffer.from(bytes.subarray(start, start + step));
    reader.push(piece);
    // Pieces are not the reader's to keep.
    piece.fill(0);
  }
  reader.end();
  return lines;
}

describe('LineReader', () => {
  test.each([
    ['', [0]],
    ['one', ['one', 1]],
    ['one\n', ['one', 1]],
    ['\n', ['', 1]],
    ['one\r\n\r\ntwo\r', ['one', '', 'two', 1]],
    ['on\0e\ntwo', ['on', 'two', 1]],
    ['\xff\n', ['\xff', 1]],
  ])('of %j makes %j', (text, lines) => {
    expect(read(text)).toEqual(lines);
  });

  test('finds the same lines, however the content is cut into pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'bc', '\n', '\r\n')),
        fc.integer({ min: 1, max: 7 }),
        (pieces, step) => {
          const text = pieces.join('');
          expect(read(text, { step })).toEqual(read(text));
        },
      ),
    );
  });

  test('stops at a line that is too long, before it has seen its end', () => {
    expect(read('aaaa\nb', { lineMaxBytes: 4 })).toEqual(['aaaa', 'b', 1]);
    expect(() => read('b\naaaaa\n', { lineMaxBytes: 4, step: 3 })).toThrow('line 2');
    expect(() => read('a'.repeat(1000), { lineMaxBytes: 4, step: 7 })).toThrow('line 1');
  });
});
