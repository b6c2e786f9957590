import type { Buffer } from 'node:buffer';

/** `bytes` in pieces of one byte. */
export function byteByByte(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1));
}

/**
 * `bytes` in pieces of random length, empty ones included, the same for the same seed.
 *
 * @param seed - any whole number
 * @param pieceMaxBytes - longest piece, at least 1
 */
export function randomCuts(bytes: Buffer, seed: number, pieceMaxBytes = 16): Buffer[] {
  const pieces: Buffer[] = [];
  let state = seed >>> 0;
  for (let at = 0; at < bytes.length;) {
    // A linear congruential step (Numerical Recipes); its upper bits are random enough to cut by.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const length = Math.min(bytes.length - at, (state >>> 8) % (pieceMaxBytes + 1));
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}
