import type { BodyOffset, BodyPattern } from './body-pattern.js';

/** How often something must have matched: `=n`, `>n`, `<n`, with `,m` the number of different subsignatures. */
export interface MatchCount {
  readonly operator: '=' | '>' | '<';
  /** 0..2^32-1; larger ones wrap, as in clamd (observed). */
  readonly count: number;
  /** At least so many different subsignatures of the group; undefined where none is said, and of a single subsignature. */
  readonly distinct: number | undefined;
}

/** A logical expression over subsignature numbers (0-based). `count` is undefined where none is written: at least one. */
export type LogicalNode =
  | { readonly kind: 'subsignature'; readonly index: number; readonly count: MatchCount | undefined }
  | {
      readonly kind: 'and' | 'or';
      readonly operands: readonly LogicalNode[];
      readonly count: MatchCount | undefined;
    };

/** A Perl-compatible regular expression: `trigger/pattern/flags`, with the offset that may stand before it. */
export interface PcreSubsignature {
  readonly kind: 'pcre';
  /** The expression runs only where this one is true. */
  readonly trigger: LogicalNode;
  readonly offset: BodyOffset;
  /** Between the first and the last slash, as it stands there (`\/` too, which is `/` to PCRE); latin1. */
  readonly pattern: string;
  /** The letters after the last slash, in their order: `g r e i s m x A E U` (manual, "PCRE subsignatures"). */
  readonly flags: string;
}

/** One comparison of a byte-compare subsignature. */
export interface ByteComparison {
  readonly operator: '<' | '>' | '=';
  readonly value: bigint;
}

/** `trigger(offset#options#comparisons)` (manual, "Byte compare subsignatures"). */
export interface ByteCompareSubsignature {
  readonly kind: 'byteCompare';
  /** The subsignature at whose match the offset is counted from. */
  readonly trigger: number;
  /** Signed, from the start of that match. */
  readonly relativeOffset: number;
  /** How the bytes are a number: as text, or `binary`. `auto`: hexadecimal with `0x` before it, else decimal. */
  readonly base: 'hex' | 'decimal' | 'auto' | 'binary';
  /** Of `binary`, and of hexadecimal digits. */
  readonly byteOrder: 'little' | 'big';
  /** Whether all bytes must be used (`e`). */
  readonly exact: boolean;
  /** How many bytes of the file the number takes up, at most. */
  readonly lengthBytes: number;
  /** All must hold; two at most. */
  readonly comparisons: readonly [ByteComparison, ...ByteComparison[]];
}

/** `${min-max}group$`: a member of a macro group begins so far behind the end of the subsignature before. */
export interface MacroSubsignature {
  readonly kind: 'macro';
  /** 0..31: the `$n$` that extended signatures have as an offset. */
  readonly group: number;
  readonly minBytes: number;
  readonly maxBytes: number;
}

/** What is valid and not supported by this engine: it counts as never matching, and the signature is reported. */
export interface UnsupportedSubsignature {
  readonly kind: 'unsupported';
  readonly what: string;
}

/** One of the subsignatures of a logical signature. */
export type Subsignature =
  BodyPattern | PcreSubsignature | ByteCompareSubsignature | MacroSubsignature | UnsupportedSubsignature;

/** Both included. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
}

/** What the file must be, beside what is in it (the target description block). */
export interface TargetConditions {
  /** ClamAV target type: 0 any, 1 PE, 2 OLE2, 3 HTML, 4 mail, 5 graphics, 6 ELF, 7 text, 9 Mach-O, 10 PDF, 11 Flash, 12 Java. */
  readonly target: number;
  readonly fileSizeBytes: NumberRange | undefined;
  /** Of the entry point in the file, in bytes: executables only. */
  readonly entryPoint: NumberRange | undefined;
  /** `NumberOfSections:`, executables only. */
  readonly sectionCount: NumberRange | undefined;
  /** `CL_TYPE_…` that the file must lie in; with `CL_TYPE_ANY` it must lie in none. */
  readonly container: string | undefined;
  /** `CL_TYPE_…` from the outermost to the innermost; empty where there is none. */
  readonly intermediates: readonly string[];
  /** `CL_TYPE_…` that a match makes of the file, which is scanned again as that. */
  readonly handlerType: string | undefined;
  /** IconGroup1 or IconGroup2 is asked for: noted, not supported. */
  readonly needsIcon: boolean;
}

/** The conditions of an extended signature: none but the target. */
export function onlyTarget(target: number): TargetConditions {
  return {
    target,
    fileSizeBytes: undefined,
    entryPoint: undefined,
    sectionCount: undefined,
    container: undefined,
    intermediates: [],
    handlerType: undefined,
    needsIcon: false,
  };
}

/** One line of `.ldb` or `.ldu`. */
export interface LogicalSignature {
  readonly kind: 'logical';
  readonly name: string;
  readonly conditions: TargetConditions;
  readonly expression: LogicalNode;
  /** As the expression numbers them; 64 at most. */
  readonly subsignatures: readonly Subsignature[];
}

/** One line of `.ndb` or `.ndu`. */
export interface ExtendedSignature {
  readonly kind: 'extended';
  readonly name: string;
  /** See {@link TargetConditions.target}. */
  readonly target: number;
  readonly pattern: BodyPattern;
}
