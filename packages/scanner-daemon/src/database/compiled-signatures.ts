import type {
  ByteCompareSubsignature,
  MacroSubsignature,
  PcreSubsignature,
  TargetConditions,
} from './model/logical-signature.js';
import type { BodyOffset } from './model/body-pattern.js';

/**
 * The fixed-length parts of all body patterns, numbered through, in the order of their variants.
 * All tables of this file are views over `SharedArrayBuffer`s, so a structured clone to a worker thread attaches to
 * them instead of copying them.
 */
export interface PartTable {
  /** The variant that part p belongs to. */
  readonly variants: Uint32Array;
  /** How many bytes may lie between the end of the part before and this one. */
  readonly gapMins: Uint32Array;
  /** {@link UNBOUNDED_GAP} for no bound. */
  readonly gapMaxes: Uint32Array;
  /** The positions of part p are `starts[p]..starts[p + 1]` of `values`. */
  readonly starts: Uint32Array;
  /** Of each position the byte under its mask; 0 where a wildcard or an alternative stands. */
  readonly values: Uint8Array;
  /** Where the masks of part p begin in `masks`; {@link NO_MASKS} where each position is a literal. */
  readonly maskStarts: Uint32Array;
  /** Of each position the bits that count: 0xff a literal, 0xf0 and 0x0f one nibble, 0xdf a letter in either case. */
  readonly masks: Uint8Array;
  /** The literal run to search part p by: where it begins in the part, and its length (0: there is none). */
  readonly runOffsets: Uint16Array;
  readonly runLengths: Uint16Array;
  /** 1 where the run holds letters that match in either case. */
  readonly runIsFolded: Uint8Array;
  /** The alternatives of part p are `firstAlternatives[p]..firstAlternatives[p + 1]`. */
  readonly firstAlternatives: Uint32Array;
  /** The boundaries of part p are `firstBoundaries[p]..firstBoundaries[p + 1]`. */
  readonly firstBoundaries: Uint32Array;
}

/** `gapMaxes` for a gap without an upper end. */
export const UNBOUNDED_GAP = 0xffffffff;
/** `maskStarts` of a part without wildcards. */
export const NO_MASKS = 0xffffffff;

/** The alternatives of all parts. */
export interface AlternativeTable {
  /** Where it begins in its part. */
  readonly partOffsets: Uint16Array;
  /** In bytes. */
  readonly lengths: Uint16Array;
  /** 1 where none of the options may stand there. */
  readonly negated: Uint8Array;
  /** The options of alternative a, of its length each, are `optionStarts[a]..optionStarts[a + 1]` of `values` and `masks`. */
  readonly optionStarts: Uint32Array;
  readonly values: Uint8Array;
  readonly masks: Uint8Array;
}

/** The boundaries of all parts. */
export interface BoundaryTable {
  /** 0 before the part, its length behind it. */
  readonly partOffsets: Uint16Array;
  /** Index into the list of `compile/boundaries.ts`. */
  readonly rules: Uint8Array;
}

/** What a subsignature is that is no body pattern. */
export type SpecialSubsignature =
  | (Omit<PcreSubsignature, 'trigger'> & { readonly triggerCode: Int32Array })
  | ByteCompareSubsignature
  | MacroSubsignature
  /** Never matches. */
  | { readonly kind: 'unsupported' };

/** All subsignatures, numbered through in the order of their signatures. */
export interface SubsignatureTable {
  /** The signature that subsignature s belongs to. */
  readonly signatures: Uint32Array;
  /** Index into {@link CompiledSignatures.offsets}. */
  readonly offsets: Uint32Array;
  /** The variants of subsignature s are `firstVariants[s]..firstVariants[s + 1]`; none for a special one. */
  readonly firstVariants: Uint32Array;
}

/** The variants of all patterns. */
export interface VariantTable {
  /** The subsignature that variant v is one way to match. */
  readonly subsignatures: Uint32Array;
  /** The parts of variant v are `firstParts[v]..firstParts[v + 1]`. */
  readonly firstParts: Uint32Array;
}

/** The logical and the extended (body) signatures. A *signature index* follows database order. */
export interface SignatureTable {
  /** Of `CompiledDatabase.names`. */
  readonly nameIds: Uint32Array;
  /** Index into {@link CompiledSignatures.conditions}. */
  readonly conditions: Uint32Array;
  /** Where its expression begins in `code`; {@link SINGLE_EXPRESSION} for "its one subsignature has matched". */
  readonly expressions: Uint32Array;
  /** The subsignatures of signature i are `firstSubsignatures[i]..firstSubsignatures[i + 1]`. */
  readonly firstSubsignatures: Uint32Array;
  /** See `compile/expression-code.ts`. */
  readonly code: Int32Array;
  /** How many different subsignatures of its trigger have to stand in a file before signature i is evaluated: 1 to 64. */
  readonly triggersNeeded: Uint8Array;
}

/** `expressions` of an extended signature. */
export const SINGLE_EXPRESSION = 0xffffffff;

/** The windows that one pass looks for. See `engine/builtin/matcher/README.md`. */
export interface AnchorTable {
  /** The filter has 2^bitmapBits bits. */
  readonly bitmapBits: number;
  /** By the hash of a window (`engine/builtin/matcher/anchor-hash.ts`): a bit that is not set means that no entry has it. */
  readonly bitmap: Uint32Array;
  /** There are 2^bucketBits buckets; bucket b holds entries `bucketStarts[b]..bucketStarts[b + 1]`. */
  readonly bucketBits: number;
  readonly bucketStarts: Uint32Array;
  /** The first four bytes of the window, folded, as a little-endian 32-bit number. */
  readonly words: Int32Array;
  /** The next four; 0 in a table of four-byte windows. */
  readonly nextWords: Int32Array;
  /** The part that entry e stands for. */
  readonly parts: Uint32Array;
  /** Where the window begins in its part. */
  readonly partOffsets: Uint16Array;
}

/** Windows of four bytes that may stand anywhere. */
export interface DenseTable extends AnchorTable {
  /**
   * A filter of 2^trigramBits bits with the first three and the last three bytes of each window: one of the two stands at an
   * even place of the file.
   */
  readonly trigramBits: number;
  readonly trigramBitmap: Uint32Array;
}

/** Parts that are looked for at one place of the file each, ascending by place. */
export interface PlacedTable {
  readonly parts: Uint32Array;
  /** Where the part begins, from the start of the file: 512 KiB at most, so that the first window holds it. */
  readonly fileOffsets: Uint32Array;
  /** The byte that the part begins with; {@link ANY_BYTE} where more than one will do. */
  readonly firstBytes: Uint16Array;
}

/** `firstBytes` of a part that begins with a wildcard. */
export const ANY_BYTE = 0xffff;

/** What is looked for in files of one target. */
export interface SignatureFilter {
  /** A filter of 2^wordBits bits with the first word of each window of `long` and `short`. */
  readonly wordBits: number;
  readonly wordBitmap: Uint32Array;
  /** Windows of eight bytes, looked up at every fourth position. */
  readonly long: AnchorTable;
  /** Windows of four bytes, looked up at every fourth position. */
  readonly short: AnchorTable;
  /** Windows of four bytes, looked up at every position. */
  readonly dense: DenseTable;
  readonly placed: PlacedTable;
  /** Signatures that no anchor stands for: each is evaluated for every file. */
  readonly unanchored: Uint32Array;
}

/** The targets of ClamAV: 0 (any) to 14. */
export const TARGET_COUNT = 15;

/** Everything about body and logical signatures. */
export interface CompiledSignatures {
  readonly signatures: SignatureTable;
  readonly subsignatures: SubsignatureTable;
  readonly variants: VariantTable;
  readonly parts: PartTable;
  readonly alternatives: AlternativeTable;
  readonly boundaries: BoundaryTable;
  /** The distinct offsets. Number 0 is `any`. */
  readonly offsets: readonly BodyOffset[];
  /** The distinct conditions. */
  readonly conditions: readonly TargetConditions[];
  /** Subsignature numbers, ascending, and what stands there. */
  readonly specials: readonly (readonly [number, SpecialSubsignature])[];
  /** By target: its own signatures and those for any. */
  readonly filters: readonly SignatureFilter[];
}
