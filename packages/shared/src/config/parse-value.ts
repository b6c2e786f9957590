/** What an option value can be once its text is read. Sizes are bigint because ClamAV counts to 2^63-1. */
export type OptionValue = boolean | number | bigint | string;

/** Outcome of reading one value. The caller words the issue. */
export type ParsedValue =
  | {
      readonly kind: 'value';
      readonly value: OptionValue;
      readonly remark?: 'size-too-high' | 'number-wrapped';
    }
  | { readonly kind: 'incorrect-format' | 'unparsable-number' | 'only-comment' };

/** ClamAV's "unlimited", and where a size that does not fit ends up (behaviour 3.2). */
export const SIZE_UNLIMITED = 2n ** 63n - 1n;

// HEAD lets a comment follow these three after spaces (no tab); 1.4 did not (behaviour 3.1).
const BOOL = /^(?:(yes|true|1)|no|false|0)(?: *#[^]*)?$/i;
const NUMBER = /^(\d+)(?: *#[^]*)?$/;
const SIZE = /^(\d+)([KMG]?)(?: *#[^]*)?$/i;
const SIZE_FACTOR: Readonly<Record<string, bigint>> = { '': 1n, K: 1024n, M: 1024n ** 2n, G: 1024n ** 3n };

/** yes, true, 1, no, false, 0 in any case. */
export function parseBool(text: string): ParsedValue {
  const match = BOOL.exec(text);
  return match === null ? { kind: 'incorrect-format' } : { kind: 'value', value: match[1] !== undefined };
}

/** Digits only, read as C `atoi` does: saturated at 64 bits, then cut to the lower 32 (behaviour 3.2). */
export function parseNumber(text: string): ParsedValue {
  const digits = NUMBER.exec(text)?.[1];
  if (digits === undefined) return { kind: 'incorrect-format' };
  const exact = BigInt(digits);
  const wrapped = BigInt.asIntN(32, exact > SIZE_UNLIMITED ? SIZE_UNLIMITED : exact);
  const value = Number(wrapped);
  return wrapped === exact ? { kind: 'value', value } : { kind: 'value', value, remark: 'number-wrapped' };
}

/** Digits and K, M or G; a leading 0 means octal, 0 means unlimited (behaviour 3.2). */
export function parseSize(text: string): ParsedValue {
  const match = SIZE.exec(text);
  const digits = match?.[1];
  if (digits === undefined) return { kind: 'incorrect-format' };
  const octal = digits.startsWith('0');
  if (octal && /[89]/.test(digits)) return { kind: 'unparsable-number' };
  const factor = SIZE_FACTOR[(match?.[2] ?? '').toUpperCase()] ?? 1n;
  const bytes = BigInt(octal ? `0o${digits}` : digits) * factor;
  if (bytes > SIZE_UNLIMITED) return { kind: 'value', value: SIZE_UNLIMITED, remark: 'size-too-high' };
  return { kind: 'value', value: bytes === 0n ? SIZE_UNLIMITED : bytes };
}

/**
 * Any text; with `values`, one of them in any case. Cut at the first `#` that is not at the start, with the blanks
 * and tabs before it: HEAD does so inside quotes too (behaviour 3.1).
 */
export function parseString(text: string, values?: readonly string[]): ParsedValue {
  if (values !== undefined && !values.some((known) => known.toLowerCase() === text.toLowerCase())) {
    return { kind: 'incorrect-format' };
  }
  const start = text.search(/[^#]/);
  // ClamAV crashes on a value of nothing but `#`; here it is an error with a text.
  if (start === -1) return { kind: 'only-comment' };
  const comment = text.indexOf('#', start);
  if (comment === -1) return { kind: 'value', value: text.slice(start) };
  let end = comment;
  while (end > start && ' \t'.includes(text.charAt(end - 1))) end -= 1;
  return end === start ? { kind: 'only-comment' } : { kind: 'value', value: text.slice(start, end) };
}
