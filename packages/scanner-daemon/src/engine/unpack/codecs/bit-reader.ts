/** Bits of a byte string, the lowest of each byte first. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #bits = 0;
  #held = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whole bytes taken so far. */
  get consumedBytes(): number {
    return this.#at - (this.#held >> 3);
  }

  /** The next `count` bits (0-16) as a number, or -1 where the input ends. */
  take(count: number): number {
    while (this.#held < count) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return -1;
      this.#bits |= byte << this.#held;
      this.#at += 1;
      this.#held += 8;
    }
    const value = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#held -= count;
    return value;
  }

  /** Drops what is left of the current byte. */
  alignToByte(): void {
    this.take(this.#held & 7);
  }

  /** The next bytes as they are, after {@link alignToByte}; fewer where the input ends. */
  takeBytes(count: number): Uint8Array {
    const start = this.consumedBytes;
    const piece = this.#bytes.subarray(start, start + count);
    this.#at = start + piece.length;
    this.#bits = 0;
    this.#held = 0;
    return piece;
  }
}
