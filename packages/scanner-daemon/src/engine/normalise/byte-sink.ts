const FIRST_BYTES = 4096;

/** Bytes of an array from `start` to before `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A growing byte array with an upper bound; what does not fit is dropped and remembered. */
export class ByteSink {
  #bytes: Uint8Array;
  #length = 0;
  readonly #maxBytes: number;
  #isFull = false;

  constructor(expectedBytes: number, maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#bytes = new Uint8Array(Math.min(maxBytes, Math.max(FIRST_BYTES, expectedBytes)));
  }

  /** Something was dropped. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Appends one byte. */
  push(byte: number): void {
    if (this.#length === this.#bytes.length && !this.#grow()) return;
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  }

  /** Appends bytes, each mapped by a table. */
  pushMapped(bytes: Uint8Array, range: ByteRange, map: Uint8Array): void {
    const { start, end } = range;
    while (this.#bytes.length - this.#length < end - start && this.#bytes.length < this.#maxBytes)
      this.#enlarge();
    const target = this.#bytes;
    const count = Math.min(end - start, target.length - this.#length);
    const to = this.#length;
    for (let index = 0; index < count; index += 1) target[to + index] = map[bytes[start + index] ?? 0] ?? 0;
    this.#length = to + count;
    if (count < end - start) this.#isFull = true;
  }

  /** The bytes so far: a view of the sink's own memory. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(): boolean {
    if (this.#length >= this.#maxBytes) {
      this.#isFull = true;
      return false;
    }
    this.#enlarge();
    return true;
  }

  #enlarge(): void {
    const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(FIRST_BYTES, this.#length * 2)));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
