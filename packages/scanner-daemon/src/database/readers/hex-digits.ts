/** Value of {@link hexNibble} for `?`. */
export const WILDCARD_NIBBLE = 16;
/** Value of {@link hexNibble} for everything that is neither a hex digit nor `?`. */
export const NO_NIBBLE = 0xff;

const NIBBLES = new Uint8Array(128).fill(NO_NIBBLE);
for (let digit = 0; digit < 16; digit++) {
  NIBBLES[digit.toString(16).charCodeAt(0)] = digit;
  NIBBLES[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}
NIBBLES['?'.charCodeAt(0)] = WILDCARD_NIBBLE;

/** 0-15 for the code of a hex digit in either case, {@link WILDCARD_NIBBLE} for `?`, else {@link NO_NIBBLE}. */
export function hexNibble(charCode: number): number {
  return charCode < 128 ? (NIBBLES[charCode] ?? NO_NIBBLE) : NO_NIBBLE;
}

/** Decodes hex digits only, without wildcards; undefined for anything else. `target` must hold half the text. */
export function decodeHex(text: string, target: Uint8Array): boolean {
  if (text.length % 2 !== 0) return false;
  for (let index = 0; index < text.length; index += 2) {
    const high = hexNibble(text.charCodeAt(index));
    const low = hexNibble(text.charCodeAt(index + 1));
    if (high >= WILDCARD_NIBBLE || low >= WILDCARD_NIBBLE) return false;
    target[index >> 1] = (high << 4) | low;
  }
  return true;
}

/** 0xdf for a letter of ASCII (its case is masked away), 0xff for every other byte. */
export function caselessMask(byte: number): number {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a ? 0xdf : 0xff;
}

/** A byte, or several that differ in bits: `b` fits when `(b & mask) === value`. */
export interface MaskedByte {
  readonly value: number;
  readonly mask: number;
}

/**
 * All that modifier `i` makes of one byte: of a letter both cases, of `6?` and `7?` the capital letters too, whose small
 * ones lie there, but of `4?` and `5?` no small ones (observed).
 */
export function caselessBytes(value: number, mask: number): readonly MaskedByte[] {
  if (mask === 0xff) {
    const caseless = caselessMask(value);
    return [{ value: value & caseless, mask: caseless }];
  }
  if (mask === 0xf0 && value === 0x60) return [{ value, mask }, ...CAPITALS_A_TO_O];
  if (mask === 0xf0 && value === 0x70) return [{ value, mask }, ...CAPITALS_P_TO_Z];
  return [{ value, mask }];
}

const CAPITALS_A_TO_O: readonly MaskedByte[] = [
  { value: 0x41, mask: 0xff },
  { value: 0x42, mask: 0xfe },
  { value: 0x44, mask: 0xfc },
  { value: 0x48, mask: 0xf8 },
];
const CAPITALS_P_TO_Z: readonly MaskedByte[] = [
  { value: 0x50, mask: 0xf8 },
  { value: 0x58, mask: 0xfe },
  { value: 0x5a, mask: 0xff },
];
