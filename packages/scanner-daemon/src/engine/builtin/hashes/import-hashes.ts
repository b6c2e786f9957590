import type { HashTables } from '../../../database/hashes/hash-table.js';
import { lookUpDigests, wantedAlgorithms } from './hash-lookup.js';
import { InputDigests } from './input-digests.js';

/**
 * The name ids of a PE file's list of imports (`library.function,library.function…`, lower case): its digests are the
 * "imphashes", and its length in bytes is the size of a signature in `.imp` (observed; not that of a section or file).
 */
export function findImportHashes(tables: HashTables, importList: Uint8Array): readonly number[] {
  const digests = new InputDigests(wantedAlgorithms(tables, importList.length), importList.length);
  digests.update(importList);
  return lookUpDigests(tables, importList.length, digests.finish());
}
