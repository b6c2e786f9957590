import type { FileType } from '../engine/file-type.js';
import type { HashAlgorithm } from './readers/hash-signatures.js';

/**
 * Signature names, by name id. All tables of this file are views over `SharedArrayBuffer`s, so a
 * structured clone to a worker thread attaches to them instead of copying them.
 */
export interface NameTable {
  /** The names one after the other, in the bytes of the database file. */
  readonly bytes: Uint8Array;
  /** Name `id` is `bytes[starts[id]..starts[id + 1])`. */
  readonly starts: Uint32Array;
}

/** The hash signatures of one algorithm, sorted by size, then by digest. */
export interface HashTable {
  readonly digestBytes: number;
  /** The distinct sizes in ascending order; {@link ANY_SIZE} first, where there is such a signature. */
  readonly sizes: Float64Array;
  /** The digests of `sizes[i]` are the numbers `groupStarts[i]..groupStarts[i + 1]`. */
  readonly groupStarts: Uint32Array;
  /** Digest number n is `digests[n * digestBytes..]`; ascending within a group and unique there. */
  readonly digests: Uint8Array;
  /** The name id of digest number n. */
  readonly nameIds: Uint32Array;
}

/** The size under which {@link HashTable} files signatures for a file of any size. */
export const ANY_SIZE = -1;

/** One table an algorithm. */
export type HashTables = Readonly<Record<HashAlgorithm, HashTable>>;

/** All body signatures, taken apart. A *signature index* follows database order; parts are numbered through. */
export interface BodyTable {
  readonly nameIds: Uint32Array;
  /** 1 for a signature of one file type, 0 for one of any file. */
  readonly isForTarget: Uint8Array;
  /** Index into {@link OFFSET_KINDS}. */
  readonly offsetKinds: Uint8Array;
  readonly offsets: Float64Array;
  readonly maxShifts: Float64Array;
  /** The parts of signature i are `firstParts[i]..firstParts[i + 1]`. */
  readonly firstParts: Uint32Array;
  readonly partSignatures: Uint32Array;
  readonly gapMins: Float64Array;
  /** `Infinity` for no bound. */
  readonly gapMaxes: Float64Array;
  /** The positions of part p are `partStarts[p]..partStarts[p + 1]` of `values` and `masks`. */
  readonly partStarts: Uint32Array;
  readonly values: Uint8Array;
  readonly masks: Uint8Array;
  /** The literal run to search part p by: where it begins in the part, and its length (0: there is none). */
  readonly runOffsets: Uint32Array;
  readonly runLengths: Uint32Array;
  /** The alternatives of part p are `firstAlternatives[p]..firstAlternatives[p + 1]`. */
  readonly firstAlternatives: Uint32Array;
  readonly alternativeOffsets: Uint32Array;
  readonly alternativeLengths: Uint32Array;
  readonly alternativeNegated: Uint8Array;
  /** The options of alternative a, of its length each, are `optionStarts[a]..optionStarts[a + 1]` of `options`. */
  readonly optionStarts: Uint32Array;
  readonly options: Uint8Array;
}

/** What {@link BodyTable.offsetKinds} counts in. */
export const OFFSET_KINDS = ['any', 'absolute', 'fromEnd'] as const;

/** The four-byte windows that one pass looks for. See `engine/builtin/matcher/README.md`. */
export interface AnchorTable {
  /** The filter has 2^bitmapBits bits. */
  readonly bitmapBits: number;
  readonly bitmap: Uint32Array;
  /** There are 2^bucketBits buckets; bucket b holds entries `bucketStarts[b]..bucketStarts[b + 1]`. */
  readonly bucketBits: number;
  readonly bucketStarts: Uint32Array;
  /** The window as a little-endian 32-bit number. */
  readonly words: Int32Array;
  readonly parts: Uint32Array;
  /** Where the window begins in its part. */
  readonly partOffsets: Uint32Array;
}

/** What is looked for in one type of file: its own signatures and those for any file. */
export interface BodyFilter {
  /** Looked up at every fourth position. */
  readonly strided: AnchorTable;
  /** Looked up at every position. */
  readonly dense: AnchorTable;
  /** Signatures without a literal run of four bytes: searched one by one. */
  readonly unanchored: Uint32Array;
  /** Whether any of the signatures is for this type alone. */
  readonly hasTargeted: boolean;
}

/** Everything the built-in engine needs, immutable, and structured-cloneable by reference. */
export interface CompiledDatabase {
  readonly names: NameTable;
  readonly hashes: HashTables;
  /** Files that are never reported, whatever matches them (`.fp`, `.sfp`). */
  readonly falsePositives: HashTables;
  readonly bodies: BodyTable;
  readonly filters: Readonly<Record<FileType, BodyFilter>>;
}
