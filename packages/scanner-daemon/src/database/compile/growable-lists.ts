/** Numbers (0..2^32-1) that grow by doubling. */
export class Uint32List {
  #numbers = new Uint32Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(number: number): void {
    if (this.#length === this.#numbers.length) {
      const grown = new Uint32Array(this.#numbers.length * 2);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#numbers[this.#length++] = number;
  }

  at(index: number): number {
    return this.#numbers[index] ?? 0;
  }

  /** The numbers so far; valid until the next {@link push}. */
  get view(): Uint32Array {
    return this.#numbers.subarray(0, this.#length);
  }

  shared(): Uint32Array {
    const shared = new Uint32Array(new SharedArrayBuffer(this.#length * Uint32Array.BYTES_PER_ELEMENT));
    shared.set(this.view);
    return shared;
  }

  /** For numbers of 0..65535. */
  shared16(): Uint16Array {
    const shared = new Uint16Array(new SharedArrayBuffer(this.#length * Uint16Array.BYTES_PER_ELEMENT));
    shared.set(this.view);
    return shared;
  }

  /** For numbers that were signed before they were pushed. */
  sharedSigned(): Int32Array {
    const shared = new Int32Array(new SharedArrayBuffer(this.#length * Int32Array.BYTES_PER_ELEMENT));
    shared.set(this.view);
    return shared;
  }
}

/** A list of where things begin: the first at 0, the next pushed when one is complete. */
export function startingAtZero(): Uint32List {
  const list = new Uint32List();
  list.push(0);
  return list;
}

/** Bytes that grow by doubling. */
export class ByteList {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far; valid until more come. */
  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  push(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  append(more: Uint8Array): void {
    this.#reserve(more.length);
    this.#bytes.set(more, this.#length);
    this.#length += more.length;
  }

  shared(): Uint8Array {
    const shared = new Uint8Array(new SharedArrayBuffer(this.#length));
    shared.set(this.view);
    return shared;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.view);
    this.#bytes = grown;
  }
}
