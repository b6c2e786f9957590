import { endianness } from 'node:os';
import { SORTED_WORDS } from './hash-records.js';
import type { HashRecords } from './hash-records.js';

const WORD_BITS = 32;
const KEY_BITS = 64;
const SORTED_BITS = SORTED_WORDS * WORD_BITS;
/** Up to this many records, comparing them costs less than making keys. */
const COMPARED_MAX = 32;
/** Where the halves of a 64-bit number are, as 32-bit numbers. */
const LOW_HALF = endianness() === 'LE' ? 0 : 1;
const HIGH_HALF = 1 - LOW_HALF;

/** The numbers of all records by size and digest; those of equal ones in the order in which they were read. */
export function sortRecords(records: HashRecords): Uint32Array {
  const order = new Uint32Array(records.count);
  for (let number = 0; number < order.length; number++) order[number] = number;
  sortRange(records, order, Math.clz32(records.maxSizeBytes));
  return order;
}

/**
 * Sorts the records `order`, which agree in all bits before `firstBit` of size and digest and are in the order in
 * which they were read. Each gets a key: the next bits, and in the lowest bits its place in `order`. The
 * keys are sorted without a comparing function, which takes a tenth of the time; what has equal bits goes on with
 * the bits after them. Digests are random, so that is seldom, and the depth is at most five.
 */
function sortRange(records: HashRecords, order: Uint32Array, firstBit: number): void {
  if (order.length <= COMPARED_MAX) {
    if (order.length > 1) order.sort((a, b) => records.compare(a, b) || a - b);
    return;
  }
  const placeBits = WORD_BITS - Math.clz32(order.length - 1);
  const placeMask = placeBits === WORD_BITS ? 0xffff_ffff : (1 << placeBits) - 1;
  const keys = new BigUint64Array(order.length);
  const halves = new Uint32Array(keys.buffer);
  for (let place = 0; place < order.length; place++) {
    const number = order[place] ?? 0;
    halves[place * 2 + HIGH_HALF] = bitsAt(records, number, firstBit);
    const low = bitsAt(records, number, firstBit + WORD_BITS);
    halves[place * 2 + LOW_HALF] = (low & ~placeMask) | place;
  }
  keys.sort();
  const before = order.slice();
  for (let index = 0; index < order.length; index++) {
    order[index] = before[(halves[index * 2 + LOW_HALF] ?? 0) & placeMask] ?? 0;
  }
  const nextBit = firstBit + KEY_BITS - placeBits;
  if (nextBit < SORTED_BITS)
    sortRuns(halves, ~placeMask, (start, end) => {
      sortRange(records, order.subarray(start, end), nextBit);
    });
}

/** Calls `sortRun` with the bounds of each run of two or more keys that agree outside of their places. */
function sortRuns(halves: Uint32Array, lowMask: number, sortRun: (start: number, end: number) => void): void {
  const count = halves.length / 2;
  let start = 0;
  for (let index = 1; index <= count; index++) {
    const isSame =
      index < count &&
      halves[index * 2 + HIGH_HALF] === halves[start * 2 + HIGH_HALF] &&
      (((halves[index * 2 + LOW_HALF] ?? 0) ^ (halves[start * 2 + LOW_HALF] ?? 0)) & lowMask) === 0;
    if (isSame) continue;
    if (index - start > 1) sortRun(start, index);
    start = index;
  }
}

/** Thirty-two bits of size and digest from bit `firstBit` on; zeros behind the end. */
function bitsAt(records: HashRecords, number: number, firstBit: number): number {
  const word = firstBit >>> 5;
  const shift = firstBit & (WORD_BITS - 1);
  const high = word < SORTED_WORDS ? records.word(number, word) << shift : 0;
  const low =
    shift > 0 && word + 1 < SORTED_WORDS ? records.word(number, word + 1) >>> (WORD_BITS - shift) : 0;
  return (high | low) >>> 0;
}
