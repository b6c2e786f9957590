import { ANY_SIZE, DIGEST_WORDS, HASH_ALGORITHMS } from '../../../database/hashes/hash-table.js';
import type { HashAlgorithm, HashTable, HashTables } from '../../../database/hashes/hash-table.js';
import type { InputDigest } from './input-digests.js';

/** Whether any hash of the table could be that of so many bytes: only then is the digest worth its time. */
export function couldHold(table: HashTable, sizeBytes: number): boolean {
  const { sizes } = table;
  if (sizes.length === 0) return false;
  if (sizes[0] === ANY_SIZE) return true;
  let low = 0;
  let high = sizes.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sizes[middle] ?? 0) < sizeBytes) low = middle + 1;
    else high = middle;
  }
  return sizes[low] === sizeBytes;
}

/** The algorithms that {@link couldHold} says yes to, in the order in which clamscan tries them. */
export function wantedAlgorithms(tables: HashTables, sizeBytes: number): readonly HashAlgorithm[] {
  return HASH_ALGORITHMS.filter((algorithm) => couldHold(tables[algorithm], sizeBytes));
}

/** The name ids for a digest: that with its size first, then that for any size. At most two; nothing has size 0. */
export function lookUpDigest(table: HashTable, sizeBytes: number, digest: Uint8Array): readonly number[] {
  const words = wordsOf(digest);
  const nameIds: number[] = [];
  const exact = sizeBytes === ANY_SIZE ? -1 : find(table, sizeBytes, words);
  if (exact !== -1) nameIds.push(table.nameIds[exact] ?? 0);
  const anySize = table.sizes[0] === ANY_SIZE ? find(table, ANY_SIZE, words) : -1;
  if (anySize !== -1) nameIds.push(table.nameIds[anySize] ?? 0);
  return nameIds;
}

/** The name ids for all digests of the same bytes, in the order in which clamscan reports them (observed). */
export function lookUpDigests(
  tables: HashTables,
  sizeBytes: number,
  digests: readonly InputDigest[],
): readonly number[] {
  return digests.flatMap(({ algorithm, digest }) => lookUpDigest(tables[algorithm], sizeBytes, digest));
}

/** The first 128 bits of a digest, big-endian. */
function wordsOf(digest: Uint8Array): readonly number[] {
  const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
  return Array.from({ length: DIGEST_WORDS }, (_, word) => view.getUint32(word * 4));
}

/** The index of the signature; -1 for none. */
function find(table: HashTable, size: number, words: readonly number[]): number {
  let low = 0;
  let high = table.sizes.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareAt(table, middle, size, words);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

function compareAt(table: HashTable, index: number, size: number, words: readonly number[]): number {
  const difference = (table.sizes[index] ?? 0) - size;
  if (difference !== 0) return difference;
  const start = index * DIGEST_WORDS;
  for (let word = 0; word < DIGEST_WORDS; word++) {
    const wordDifference = (table.digests[start + word] ?? 0) - (words[word] ?? 0);
    if (wordDifference !== 0) return wordDifference;
  }
  return 0;
}
