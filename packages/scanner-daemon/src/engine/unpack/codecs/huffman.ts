import type { BitReader } from './bit-reader.js';

const LENGTH_MAX_BITS = 16;

/** A canonical Huffman code: how many codes of each length, and the symbols in the order of their codes. */
export interface HuffmanCode {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

/**
 * The code with these lengths by symbol, 0 for unused ones (RFC 1951, 3.2.2).
 *
 * @returns undefined where the lengths ask for more codes than there are.
 */
export function huffmanCode(lengths: Uint8Array): HuffmanCode | undefined {
  const counts = new Uint16Array(LENGTH_MAX_BITS + 1);
  for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1;
  counts[0] = 0;
  const starts = new Uint16Array(LENGTH_MAX_BITS + 2);
  let left = 1;
  for (let length = 1; length <= LENGTH_MAX_BITS; length += 1) {
    const count = counts[length] ?? 0;
    left = 2 * left - count;
    if (left < 0) return undefined;
    starts[length + 1] = (starts[length] ?? 0) + count;
  }
  const symbols = new Uint16Array(lengths.length);
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue;
    const at = starts[length] ?? 0;
    symbols[at] = symbol;
    starts[length] = at + 1;
  }
  return { counts, symbols };
}

/**
 * The next symbol, or -1: the input ends or the bits are no code.
 *
 * @param inverted 1 where the stream has the bits of its codes inverted (PKWARE's implode), otherwise 0
 */
export function takeSymbol(reader: BitReader, { counts, symbols }: HuffmanCode, inverted: 0 | 1 = 0): number {
  let code = 0;
  let first = 0;
  let index = 0;
  for (let length = 1; length <= LENGTH_MAX_BITS; length += 1) {
    const bit = reader.take(1);
    if (bit < 0) return -1;
    code |= bit ^ inverted;
    const count = counts[length] ?? 0;
    if (code - count < first) return symbols[index + (code - first)] ?? -1;
    index += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  return -1;
}
