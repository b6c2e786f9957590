/** A gap bound without an upper end. */
export const UNBOUNDED = Number.POSITIVE_INFINITY;

/**
 * Where in a file a pattern may begin; `maxShift` bytes further are allowed too.
 * All but the first three need the file to be an executable whose headers could be read.
 */
export type BodyOffset =
  | { readonly kind: 'any' }
  | { readonly kind: 'absolute'; readonly fileOffset: number; readonly maxShift: number }
  /** `fromEnd` bytes before the end of the file. Never matches a file shorter than that (observed). */
  | { readonly kind: 'fromEnd'; readonly fromEnd: number; readonly maxShift: number }
  /** `EP+n`, `EP-n`: relative to the entry point. `delta` may be negative. */
  | { readonly kind: 'entryPoint'; readonly delta: number; readonly maxShift: number }
  /** `Sx+n`: relative to the start of section number `section` (0-based). */
  | {
      readonly kind: 'section';
      readonly section: number;
      readonly delta: number;
      readonly maxShift: number;
    }
  /** `SL+n`: relative to the start of the last section. */
  | { readonly kind: 'lastSection'; readonly delta: number; readonly maxShift: number }
  /** `SEx`: anywhere in section number `section`; `maxShift` bytes past its end too. */
  | { readonly kind: 'withinSection'; readonly section: number; readonly maxShift: number }
  /** `VI`: one of the places where the version information of a PE file has a string. */
  | { readonly kind: 'versionInfo' }
  /** Only as an anchor of a macro (`${min-max}group$`): the pattern is a member of that macro group. */
  | { readonly kind: 'macroGroup'; readonly group: number };

/** One position or more, byte for byte: the byte `b` at position i fits when `(b & masks[i]) === values[i]`. */
export interface MaskedBytes {
  readonly values: Uint8Array;
  /** 0xff literal, 0xdf a letter in either case, 0xf0 or 0x0f nibble wildcard, 0x00 any byte. */
  readonly masks: Uint8Array;
}

/** One of several byte strings at a fixed place: `(aa|bb)`, or none of them: `!(aa|bb)`. */
export interface BodyAlternative {
  /** Where it stands, from the start of the part. */
  readonly partOffset: number;
  readonly lengthBytes: number;
  readonly negated: boolean;
  /** All of `lengthBytes` bytes. */
  readonly options: readonly MaskedBytes[];
}

/**
 * What must lie directly before the first byte of a part (`partOffset` 0), or directly behind its last
 * (`partOffset` its length). Zero bytes wide. Only there: in the middle of a part `(B)`, `(L)` and `(W)` take up
 * bytes of their own (observed), and the reader makes {@link BodyAlternative}s of them.
 */
export interface BodyBoundary {
  /** 0 for a kind that ends in `Before`, else the length of the part. */
  readonly partOffset: number;
  /** See `readers/boundary-rules.ts` for what each means. */
  readonly kind: BoundaryKind;
  readonly negated: boolean;
}

/** Kinds of {@link BodyBoundary}: (B), (L), (W) of the manual, and the two sides of modifier `f`, plain and wide. */
export type BoundaryKind =
  | 'wordBefore'
  | 'wordAfter'
  | 'lineBefore'
  | 'lineAfter'
  | 'nonAlphanumericBefore'
  | 'nonAlphanumericAfter'
  | 'wideNonAlphanumericBefore'
  | 'wideNonAlphanumericAfter';

/** A run of positions of fixed length. */
export interface BodyPart extends MaskedBytes {
  /** How many bytes may lie between the end of the part before and this one; 0 and 0 for the first part. */
  readonly gapMinBytes: number;
  /** {@link UNBOUNDED} for none. May be below the minimum: such a signature loads and never matches. */
  readonly gapMaxBytes: number;
  /** Their positions have mask 0x00. */
  readonly alternatives: readonly BodyAlternative[];
  readonly boundaries: readonly BodyBoundary[];
}

/** Parts with gaps between them. */
export type BodyParts = readonly [BodyPart, ...BodyPart[]];

/**
 * One hex body with its offset, taken apart. Alternatives of several lengths, and modifiers that ask for plain and
 * wide forms, become several variants: the body matches where any of them does.
 */
export interface BodyPattern {
  readonly kind: 'body';
  readonly offset: BodyOffset;
  readonly variants: readonly [BodyParts, ...BodyParts[]];
}
