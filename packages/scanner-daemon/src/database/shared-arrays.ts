/** Copies numbers into shared memory. */
export function sharedUint8(values: ArrayLike<number>): Uint8Array {
  const array = new Uint8Array(new SharedArrayBuffer(values.length));
  array.set(values);
  return array;
}

/** Copies numbers (0..2^32-1) into shared memory. */
export function sharedUint32(values: ArrayLike<number>): Uint32Array {
  const array = new Uint32Array(new SharedArrayBuffer(values.length * Uint32Array.BYTES_PER_ELEMENT));
  array.set(values);
  return array;
}

/** Copies numbers (32 bits, signed) into shared memory. */
export function sharedInt32(values: ArrayLike<number>): Int32Array {
  const array = new Int32Array(new SharedArrayBuffer(values.length * Int32Array.BYTES_PER_ELEMENT));
  array.set(values);
  return array;
}

/** Copies numbers into shared memory. */
export function sharedFloat64(values: ArrayLike<number>): Float64Array {
  const array = new Float64Array(new SharedArrayBuffer(values.length * Float64Array.BYTES_PER_ELEMENT));
  array.set(values);
  return array;
}

/** Bytes that grow by doubling. */
export class ByteList {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far; valid until the next {@link append}. */
  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  append(more: ArrayLike<number>): void {
    const needed = this.#length + more.length;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.view);
      this.#bytes = grown;
    }
    this.#bytes.set(more, this.#length);
    this.#length = needed;
  }
}
