/** How many bytes an anchor window has. */
export const WINDOW_BYTES = 4;
/** How far apart the strided pass looks; every alignment of an anchor run is entered in its table. */
export const STRIDE_BYTES = 4;
/** A literal run of this length holds one whole window at every alignment of the stride. */
export const STRIDED_RUN_BYTES = WINDOW_BYTES + STRIDE_BYTES - 1;

/**
 * Multiplicative (Fibonacci) hashing: 2^32 divided by the golden ratio. The high bits of the product are the
 * hash, so a bucket number is a prefix of a bit number.
 */
export const HASH_MULTIPLIER = 0x9e3779b1;

// Taken out of the global once: under a VM realm (Jest's) each `Math` is a look-up that no compiler removes.
const { imul } = Math;

/** The top `bits` (1..32) bits of the window's hash, as an unsigned number. */
export function hashWindow(word: number, bits: number): number {
  return imul(word, HASH_MULTIPLIER) >>> (32 - bits);
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
