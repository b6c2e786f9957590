/** A gap bound without an upper end. */
export const UNBOUNDED = Number.POSITIVE_INFINITY;

/** The file offset at which a body signature may begin; `maxShift` bytes further are allowed too. */
export type BodyOffset =
  | { readonly kind: 'any' }
  | { readonly kind: 'absolute'; readonly fileOffset: number; readonly maxShift: number }
  /** `fromEnd` bytes before the end of the file. Never matches a file shorter than that (observed). */
  | { readonly kind: 'fromEnd'; readonly fromEnd: number; readonly maxShift: number };

/** One of several byte strings at a fixed place: `(aa|bb)`, or none of them: `!(aa|bb)`. */
export interface BodyAlternative {
  /** Where it stands, from the start of the part. */
  readonly partOffset: number;
  readonly lengthBytes: number;
  readonly negated: boolean;
  /** All of `lengthBytes` bytes. */
  readonly options: readonly Uint8Array[];
}

/** A run of positions of fixed length. The byte `b` at position i fits when `(b & masks[i]) === values[i]`. */
export interface BodyPart {
  /** How many bytes may lie between the end of the part before and this one; 0 and 0 for the first part. */
  readonly gapMinBytes: number;
  /** {@link UNBOUNDED} for none. May be below the minimum: such a signature loads and never matches. */
  readonly gapMaxBytes: number;
  readonly values: Uint8Array;
  /** 0xff literal, 0xf0 or 0x0f nibble wildcard, 0x00 any byte (and the positions of alternatives). */
  readonly masks: Uint8Array;
  readonly alternatives: readonly BodyAlternative[];
}

/** One line of an `.ndb` file that the engine can use. */
export interface BodySignature {
  readonly kind: 'body';
  readonly name: string;
  /** ClamAV target type: 0 any, 1 PE, 2 OLE2, 5 graphics, 6 ELF, 9 Mach-O, 10 PDF, 11 Flash, 12 Java. */
  readonly target: number;
  readonly offset: BodyOffset;
  readonly parts: readonly [BodyPart, ...BodyPart[]];
}
