/** How many bytes an anchor window has. */
export const WINDOW_BYTES = 4;
/** How far apart the strided pass looks; every alignment of an anchor run is entered in its table. */
export const STRIDE_BYTES = 4;
/** A literal run of this length holds one whole window at every alignment of the stride. */
export const SHORT_RUN_BYTES = WINDOW_BYTES + STRIDE_BYTES - 1;
/** How many bytes a window of the long table has. */
export const LONG_WINDOW_BYTES = 2 * WINDOW_BYTES;
/** The same for the long table. */
export const LONG_RUN_BYTES = LONG_WINDOW_BYTES + STRIDE_BYTES - 1;
/** Sets {@link FOLD_BIT} in each byte of a word. */
export const FOLD_WORD = 0x20202020;

/**
 * Multiplicative (Fibonacci) hashing: 2^32 divided by the golden ratio. The high bits of the product are the
 * hash, so a bucket number is a prefix of a bit number.
 */
export const HASH_MULTIPLIER = 0x9e3779b1;
/** Another odd one, for the second word of a long window. */
export const SECOND_MULTIPLIER = 0x85ebca6b;

// Taken out of the global once: under a VM realm (Jest's) each `Math` is a look-up that no compiler removes.
const { imul } = Math;

/** The top `bits` (1..32) bits of the window's hash, as an unsigned number. */
export function hashWindow(word: number, bits: number): number {
  return imul(word, HASH_MULTIPLIER) >>> (32 - bits);
}

/** The same for a window of two words. */
export function hashLongWindow(word: number, nextWord: number, bits: number): number {
  return (imul(word, HASH_MULTIPLIER) ^ imul(nextWord, SECOND_MULTIPLIER)) >>> (32 - bits);
}

/** Four bytes as a little-endian 32-bit signed number: what an `Int32Array` shows on x86-64 and arm64. */
export function windowWord(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset] ?? 0) |
    ((bytes[offset + 1] ?? 0) << 8) |
    ((bytes[offset + 2] ?? 0) << 16) |
    ((bytes[offset + 3] ?? 0) << 24)
  );
}
