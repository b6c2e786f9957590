import { HashRecords } from './hash-records.js';
import { DIGEST_WORDS } from './hash-table.js';
import type { HashTable } from './hash-table.js';
import { sortRecords } from './sort-records.js';

/** Collects the hash signatures of one algorithm in any order and sorts them once. */
export class HashTableBuilder {
  #records = new HashRecords();

  /** @param sizeBytes `ANY_SIZE`, or 1..4294967294. */
  add(sizeBytes: number, digest: Uint32Array, nameId: number): void {
    this.#records.push(sizeBytes, digest, nameId);
  }

  /**
   * The finished table; the builder is empty afterwards. Where a hash occurs twice with one size, the later name
   * stands, as in clamscan (observed).
   */
  finish(): HashTable {
    const records = this.#records;
    this.#records = new HashRecords();
    const order = sortRecords(records);
    const table = newTable(order.length);
    let count = 0;
    for (const number of order) {
      records.write(number, table, count);
      // Equal ones lie side by side, the later behind: it takes the earlier one's place.
      if (count > 0 && isEqualToPrevious(table, count)) records.write(number, table, count - 1);
      else count++;
    }
    return count === order.length ? table : firstOf(table, count);
  }
}

function newTable(count: number): HashTable {
  return {
    sizes: sharedUint32(count),
    digests: sharedUint32(count * DIGEST_WORDS),
    nameIds: sharedUint32(count),
  };
}

function firstOf(table: HashTable, count: number): HashTable {
  const shorter = newTable(count);
  shorter.sizes.set(table.sizes.subarray(0, count));
  shorter.digests.set(table.digests.subarray(0, count * DIGEST_WORDS));
  shorter.nameIds.set(table.nameIds.subarray(0, count));
  return shorter;
}

function isEqualToPrevious({ sizes, digests }: HashTable, index: number): boolean {
  if (sizes[index] !== sizes[index - 1]) return false;
  const start = index * DIGEST_WORDS;
  for (let word = start; word < start + DIGEST_WORDS; word++) {
    if (digests[word] !== digests[word - DIGEST_WORDS]) return false;
  }
  return true;
}

function sharedUint32(length: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(length * Uint32Array.BYTES_PER_ELEMENT));
}
