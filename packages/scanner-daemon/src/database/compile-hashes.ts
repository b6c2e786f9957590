import { ANY_SIZE } from './compiled-database.js';
import type { HashTable } from './compiled-database.js';
import { ByteList, sharedFloat64, sharedUint32 } from './shared-arrays.js';

/** Collects the hash signatures of one algorithm in any order and sorts them once. */
export class HashTableBuilder {
  readonly #digestBytes: number;
  readonly #digests = new ByteList();
  readonly #nameIds: number[] = [];
  /** Digest numbers by size. */
  readonly #groups = new Map<number, number[]>();

  constructor(digestBytes: number) {
    this.#digestBytes = digestBytes;
  }

  add(digest: Uint8Array, sizeBytes: number | 'any', nameId: number): void {
    const size = sizeBytes === 'any' ? ANY_SIZE : sizeBytes;
    const number = this.#nameIds.length;
    this.#digests.append(digest);
    this.#nameIds.push(nameId);
    const group = this.#groups.get(size);
    if (group === undefined) this.#groups.set(size, [number]);
    else group.push(number);
  }

  /** The finished table. Where a hash occurs twice with one size, the later name stands, as in clamd (observed). */
  finish(): HashTable {
    const source = this.#digests.view;
    const sizes = [...this.#groups.keys()].sort((a, b) => a - b);
    const groupStarts: number[] = [0];
    const order: number[] = [];
    for (const size of sizes) {
      for (const number of this.#sortGroup(source, this.#groups.get(size) ?? [])) order.push(number);
      groupStarts.push(order.length);
    }
    const digests = new Uint8Array(new SharedArrayBuffer(order.length * this.#digestBytes));
    order.forEach((number, index) => {
      const start = number * this.#digestBytes;
      digests.set(source.subarray(start, start + this.#digestBytes), index * this.#digestBytes);
    });
    return {
      digestBytes: this.#digestBytes,
      sizes: sharedFloat64(sizes),
      groupStarts: sharedUint32(groupStarts),
      digests,
      nameIds: sharedUint32(order.map((number) => this.#nameIds[number] ?? 0)),
    };
  }

  #sortGroup(source: Uint8Array, numbers: number[]): number[] {
    const compare = (a: number, b: number): number => compareDigests(source, a, b, this.#digestBytes);
    numbers.sort(compare);
    return numbers.filter((number, index) => {
      const next = numbers[index + 1];
      return next === undefined || compare(number, next) !== 0;
    });
  }
}

function compareDigests(source: Uint8Array, a: number, b: number, digestBytes: number): number {
  for (let index = 0; index < digestBytes; index++) {
    const difference = (source[a * digestBytes + index] ?? 0) - (source[b * digestBytes + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
