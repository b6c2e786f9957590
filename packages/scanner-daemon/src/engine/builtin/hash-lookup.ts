import { ANY_SIZE } from '../../database/compiled-database.js';
import type { HashTable } from '../../database/compiled-database.js';

/** Whether any hash of the table could be that of a file of this size: only then is the digest worth its time. */
export function couldHold(table: HashTable, sizeBytes: number): boolean {
  return table.sizes[0] === ANY_SIZE || groupOf(table, sizeBytes) !== -1;
}

/** The name ids for a file's digest: that with its size first, then that for any size. At most two. */
export function lookUpDigest(table: HashTable, sizeBytes: number, digest: Uint8Array): number[] {
  const nameIds: number[] = [];
  for (const size of [sizeBytes, ANY_SIZE]) {
    const nameId = lookUpInGroup(table, groupOf(table, size), digest);
    if (nameId !== undefined) nameIds.push(nameId);
  }
  return nameIds;
}

function groupOf(table: HashTable, size: number): number {
  let low = 0;
  let high = table.sizes.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = table.sizes[middle] ?? 0;
    if (found === size) return middle;
    if (found < size) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

function lookUpInGroup(table: HashTable, group: number, digest: Uint8Array): number | undefined {
  if (group === -1) return undefined;
  let low = table.groupStarts[group] ?? 0;
  let high = (table.groupStarts[group + 1] ?? 0) - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareAt(table, middle, digest);
    if (order === 0) return table.nameIds[middle];
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

function compareAt(table: HashTable, number: number, digest: Uint8Array): number {
  const start = number * table.digestBytes;
  for (let index = 0; index < table.digestBytes; index++) {
    const difference = (table.digests[start + index] ?? 0) - (digest[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
