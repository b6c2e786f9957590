import { DIGEST_WORDS } from './hash-table.js';

/** The words that records are sorted by: the size and the digest. The name id is behind them. */
export const SORTED_WORDS = 1 + DIGEST_WORDS;
const RECORD_WORDS = SORTED_WORDS + 1;
const RECORDS_PER_CHUNK_SHIFT = 13;
const RECORDS_PER_CHUNK = 1 << RECORDS_PER_CHUNK_SHIFT;
const RECORD_MASK = RECORDS_PER_CHUNK - 1;

/** Where records are written to: the arrays of a `HashTable`. */
export interface RecordTarget {
  readonly sizes: Uint32Array;
  readonly digests: Uint32Array;
  readonly nameIds: Uint32Array;
}

/** Hash signatures in the order in which they were read, in chunks that never move. */
export class HashRecords {
  readonly #chunks: Uint32Array[] = [];
  #count = 0;
  #maxSizeBytes = 0;

  get count(): number {
    return this.#count;
  }

  /** The largest size; 0 where all are for any size. */
  get maxSizeBytes(): number {
    return this.#maxSizeBytes;
  }

  push(sizeBytes: number, digest: Uint32Array, nameId: number): void {
    const position = this.#count & RECORD_MASK;
    if (position === 0) this.#chunks.push(new Uint32Array(RECORDS_PER_CHUNK * RECORD_WORDS));
    const chunk = this.#chunks[this.#chunks.length - 1];
    if (chunk === undefined) return;
    const base = position * RECORD_WORDS;
    chunk[base] = sizeBytes;
    for (let word = 0; word < DIGEST_WORDS; word++) chunk[base + 1 + word] = digest[word] ?? 0;
    chunk[base + SORTED_WORDS] = nameId;
    if (sizeBytes > this.#maxSizeBytes) this.#maxSizeBytes = sizeBytes;
    this.#count++;
  }

  /** A word, 0..{@link SORTED_WORDS}-1, of record `number`, 0..count-1. */
  word(number: number, word: number): number {
    const chunk = this.#chunks[number >>> RECORDS_PER_CHUNK_SHIFT];
    return chunk?.[(number & RECORD_MASK) * RECORD_WORDS + word] ?? 0;
  }

  /** Orders two records by size and digest; 0 when they are for the same bytes. */
  compare(a: number, b: number): number {
    for (let word = 0; word < SORTED_WORDS; word++) {
      const difference = this.word(a, word) - this.word(b, word);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** Writes record `number` as entry `index` of a table. */
  write(number: number, { sizes, digests, nameIds }: RecordTarget, index: number): void {
    const chunk = this.#chunks[number >>> RECORDS_PER_CHUNK_SHIFT];
    if (chunk === undefined) return;
    const base = (number & RECORD_MASK) * RECORD_WORDS;
    sizes[index] = chunk[base] ?? 0;
    for (let word = 0; word < DIGEST_WORDS; word++) {
      digests[index * DIGEST_WORDS + word] = chunk[base + 1 + word] ?? 0;
    }
    nameIds[index] = chunk[base + SORTED_WORDS] ?? 0;
  }
}
