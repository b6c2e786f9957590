/** Values a chunk: 256 KiB of bytes and of numbers alike waste little and are few enough to list. */
const BYTES_PER_CHUNK = 1 << 18;
const NUMBERS_PER_CHUNK = 1 << 16;
const NUMBER_SHIFT = 16;
const NUMBER_MASK = NUMBERS_PER_CHUNK - 1;

/** Bytes that grow a chunk at a time, so that hundreds of megabytes are never copied while they grow. */
export class ChunkedBytes {
  #chunks: Uint8Array[] = [];
  #current = new Uint8Array(0);
  #used = 0;

  get length(): number {
    return this.#chunks.length * BYTES_PER_CHUNK - (this.#current.length - this.#used);
  }

  /** Copies `bytes[start..end)` behind what is there. */
  append(bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    while (from < end) {
      if (this.#used === this.#current.length) this.#grow();
      const count = Math.min(end - from, this.#current.length - this.#used);
      // A loop, because names are short: `set` of a `subarray` costs more than some twenty bytes do.
      const current = this.#current;
      let to = this.#used;
      for (let index = from; index < from + count; index++) current[to++] = bytes[index] ?? 0;
      this.#used = to;
      from += count;
    }
  }

  /** Moves everything into shared memory; the list is empty afterwards. */
  takeShared(): Uint8Array {
    const shared = new Uint8Array(new SharedArrayBuffer(this.length));
    copyChunks(this.#chunks, shared);
    this.#current = new Uint8Array(0);
    this.#used = 0;
    return shared;
  }

  #grow(): void {
    this.#current = new Uint8Array(BYTES_PER_CHUNK);
    this.#chunks.push(this.#current);
    this.#used = 0;
  }
}

/** Numbers of 0..2^32-1, likewise. */
export class ChunkedUint32 {
  #chunks: Uint32Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const position = this.#length & NUMBER_MASK;
    if (position === 0) this.#chunks.push(new Uint32Array(NUMBERS_PER_CHUNK));
    const chunk = this.#chunks[this.#length >>> NUMBER_SHIFT];
    if (chunk !== undefined) chunk[position] = value;
    this.#length++;
  }

  /** Moves everything into shared memory; the list is empty afterwards. */
  takeShared(): Uint32Array {
    const shared = new Uint32Array(new SharedArrayBuffer(this.#length * Uint32Array.BYTES_PER_ELEMENT));
    copyChunks(this.#chunks, shared);
    this.#length = 0;
    return shared;
  }
}

/** Empties `chunks` from the front, so that each is garbage as soon as it is copied. */
function copyChunks(chunks: (Uint8Array | Uint32Array)[], target: Uint8Array | Uint32Array): void {
  let offset = 0;
  chunks.reverse();
  for (let chunk = chunks.pop(); chunk !== undefined; chunk = chunks.pop()) {
    const count = Math.min(chunk.length, target.length - offset);
    target.set(chunk.subarray(0, count), offset);
    offset += count;
  }
}
