import type { CompiledSignatures } from './compiled-signatures.js';
import type { HashDatabase } from './hashes/hash-table.js';
import type { ContainerMetadataSignature } from './model/container-metadata-signature.js';
import type { NameTable } from './names/name-table.js';

/**
 * Everything the built-in engine needs, immutable, and structured-cloneable by reference: all arrays of numbers are
 * views over `SharedArrayBuffer`s.
 */
export interface CompiledDatabase {
  readonly names: NameTable;
  readonly hashes: HashDatabase;
  readonly signatures: CompiledSignatures;
  /** With their full names. */
  readonly containerMetadata: readonly ContainerMetadataSignature[];
}
