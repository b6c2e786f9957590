const FIRST_BYTES = 64 * 1024;

/** Output that grows as it comes, never beyond its limit. */
export class OutputBuffer {
  readonly limitBytes: number;
  #bytes: Uint8Array;
  #sizeBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = Math.max(limitBytes, 0);
    this.#bytes = new Uint8Array(Math.min(FIRST_BYTES, this.limitBytes));
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Everything so far: a view, valid until the next byte comes. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#sizeBytes);
  }

  /** @returns false when the limit cut the piece; what fitted was taken. */
  append(piece: Uint8Array): boolean {
    const fitting = piece.subarray(0, this.limitBytes - this.#sizeBytes);
    this.#reserve(fitting.length);
    this.#bytes.set(fitting, this.#sizeBytes);
    this.#sizeBytes += fitting.length;
    return fitting.length === piece.length;
  }

  /** @returns false at the limit. */
  push(byte: number): boolean {
    if (this.#sizeBytes === this.limitBytes) return false;
    if (this.#sizeBytes === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.#sizeBytes] = byte;
    this.#sizeBytes += 1;
    return true;
  }

  /**
   * Repeats `lengthBytes` bytes from `distanceBytes` back, which may overlap with what is written.
   *
   * @param distanceBytes 1 to {@link sizeBytes}
   * @returns false when the limit cut it.
   */
  repeat(distanceBytes: number, lengthBytes: number): boolean {
    const fitting = Math.min(lengthBytes, this.limitBytes - this.#sizeBytes);
    this.#reserve(fitting);
    const from = this.#sizeBytes - distanceBytes;
    if (distanceBytes >= fitting) this.#bytes.copyWithin(this.#sizeBytes, from, from + fitting);
    else
      for (let index = 0; index < fitting; index += 1)
        this.#bytes[this.#sizeBytes + index] = this.#bytes[from + index] ?? 0;
    this.#sizeBytes += fitting;
    return fitting === lengthBytes;
  }

  #reserve(moreBytes: number): void {
    const neededBytes = this.#sizeBytes + moreBytes;
    if (neededBytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.min(Math.max(neededBytes, 2 * this.#bytes.length), this.limitBytes));
    grown.set(this.bytes);
    this.#bytes = grown;
  }
}
