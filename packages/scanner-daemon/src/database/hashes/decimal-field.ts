/** `start..end` within a line. */
export interface FieldBounds {
  readonly start: number;
  readonly end: number;
}

/** More digits than this do not fit a signed 32-bit number for certain. */
const PLAIN_DIGITS_MAX = 9;
const LONG_MAX = 2n ** 63n - 1n;
const UNSIGNED_LONG_MAX = 2n ** 64n - 1n;
const LEADING_NUMBER = /^[\t-\r ]*([+-]?)(\d+)/;

/**
 * Reads a size. Blanks and a sign before it and zeros are allowed, and a negative number wraps at 2^64, all as in
 * clamscan (observed); nothing may follow it.
 *
 * @returns undefined for what is no number. May be larger than any size.
 */
export function readSizeField(bytes: Uint8Array, { start, end }: FieldBounds): number | undefined {
  const plain = readPlain(bytes, start, end);
  if (plain !== -1) return plain;
  const text = latin1(bytes, start, end);
  const [whole = '', sign = '', digits = ''] = LEADING_NUMBER.exec(text) ?? [];
  if (whole === '' || whole.length !== text.length) return undefined;
  const magnitude = BigInt(digits);
  if (magnitude > UNSIGNED_LONG_MAX) return Number(UNSIGNED_LONG_MAX);
  return Number(sign === '-' ? BigInt.asUintN(64, -magnitude) : magnitude);
}

/**
 * Reads a functionality level: the number that the field begins with, 0 for none, clamped to 64 bits and cut to an
 * unsigned 32 bits, as in clamscan (observed: -5 is above every level, -4294967295 is 1).
 */
export function readLevelField(bytes: Uint8Array, { start, end }: FieldBounds): number {
  const plain = readPlain(bytes, start, end);
  if (plain !== -1) return plain;
  const [, sign = '', digits = '0'] = LEADING_NUMBER.exec(latin1(bytes, start, end)) ?? [];
  const value = sign === '-' ? -BigInt(digits) : BigInt(digits);
  const clamped = value > LONG_MAX ? LONG_MAX : value < -LONG_MAX - 1n ? -LONG_MAX - 1n : value;
  return Number(BigInt.asUintN(32, clamped));
}

/** A number of a few digits and nothing else; -1 for all others. */
function readPlain(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > PLAIN_DIGITS_MAX) return -1;
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
