/** The letters behind `::` of a subsignature of a logical signature (manual, "Subsignature Modifiers"). */
export interface BodyModifiers {
  /** `i`: letters match in either case. */
  readonly nocase: boolean;
  /** `w`: a zero byte follows each byte of the pattern. */
  readonly wide: boolean;
  /** `f`: no letter or digit directly before or behind. */
  readonly fullword: boolean;
  /** `a`: with `w`, the plain form too; alone it says what is true anyway. */
  readonly ascii: boolean;
}

/** Of a body without any. */
export const NO_MODIFIERS: BodyModifiers = { nocase: false, wide: false, fullword: false, ascii: false };

/** Every combination is read once: 16 objects for all signatures. */
const KNOWN = new Map<string, BodyModifiers>([['', NO_MODIFIERS]]);

/** Reads the letters, in any order, repeated or not (observed); undefined where one of them is none. */
export function readModifiers(letters: string): BodyModifiers | undefined {
  const known = KNOWN.get(letters);
  if (known !== undefined) return known;
  if (!/^[iwfa]*$/.test(letters)) return undefined;
  const read: BodyModifiers = {
    nocase: letters.includes('i'),
    wide: letters.includes('w'),
    fullword: letters.includes('f'),
    ascii: letters.includes('a'),
  };
  if (letters.length <= 4) KNOWN.set(letters, read);
  return read;
}
