/** The digests that hash signatures come in. The length of the hash, not the file's extension, tells which. */
export type HashAlgorithm = 'md5' | 'sha1' | 'sha256';

/** In the order in which clamscan tries and reports them (observed). */
export const HASH_ALGORITHMS: readonly HashAlgorithm[] = ['md5', 'sha1', 'sha256'];

/** The digest of a signature, cut to its first 128 bits: four big-endian words. See the README beside. */
export const DIGEST_WORDS = 4;

/** The size under which {@link HashTable} files signatures for any size. No signature can have it. */
export const ANY_SIZE = 0;

/**
 * The hash signatures of one algorithm: 24 bytes each, sorted by size, then by digest, both unsigned.
 * No two have the same size and digest. The arrays are views over `SharedArrayBuffer`s.
 */
export interface HashTable {
  /** {@link ANY_SIZE}, or 1..4294967294. */
  readonly sizes: Uint32Array;
  /** Digest i is the words `digests[i * DIGEST_WORDS..]`. */
  readonly digests: Uint32Array;
  /** Of `CompiledDatabase.names`. */
  readonly nameIds: Uint32Array;
}

/** One table an algorithm. */
export type HashTables = Readonly<Record<HashAlgorithm, HashTable>>;

/** What a hash is the hash of. */
export type HashSubject =
  /** A whole file: `.hdb .hsb .hdu .hsu`. */
  | 'file'
  /** A whole file that is never reported, whatever matches in it: `.fp .sfp`. */
  | 'falsePositive'
  /** The raw bytes of a section of a PE file: `.mdb .msb .mdu .msu`. */
  | 'section'
  /** The list of imports of a PE file: `.imp`. */
  | 'importList';

/** All hash signatures of a database. */
export type HashDatabase = Readonly<Record<HashSubject, HashTables>>;
