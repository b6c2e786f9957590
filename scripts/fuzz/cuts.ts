import { createRandom, drawInteger } from '../bench/random.js';

/** Longest input that is also tried byte by byte. */
const BYTE_BY_BYTE_MAX = 1024;
const CUT_SEED = 0x9e37_79b9;

/**
 * The ways of cutting an input into packets that a stream decoder must not tell apart, the same for the same input:
 * whole, at random, and byte by byte when it is short.
 */
export function waysToCut(input: Buffer): readonly (readonly Buffer[])[] {
  const ways = [[input], cutAtRandom(input, 7), cutAtRandom(input, 5000)];
  if (input.length <= BYTE_BY_BYTE_MAX)
    ways.push(Array.from(input, (_byte, at) => input.subarray(at, at + 1)));
  return ways;
}

/** @param pieceMaxBytes - longest piece, at least 1 */
export function cutAtRandom(input: Buffer, pieceMaxBytes: number, seed = CUT_SEED ^ input.length): Buffer[] {
  const random = createRandom(seed);
  const pieces: Buffer[] = [];
  for (let at = 0; at < input.length;) {
    const length = drawInteger(random, 1, pieceMaxBytes);
    pieces.push(input.subarray(at, at + length));
    at += length;
  }
  return pieces;
}
