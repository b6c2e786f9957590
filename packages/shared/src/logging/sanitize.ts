/** Longest text that {@link sanitize} hands on unless told otherwise, in characters. */
export const SANITIZED_MAX_CHARACTERS = 1024;

/**
 * C0 and C1 controls and DEL, the line and paragraph separators, and the marks that reorder text on a screen
 * (Unicode TR 9): what could forge a log line or hide part of one. Backslash, so that an escape cannot be forged. Surrogates
 * without their other half, which no encoding of text can express.
 */
const UNSAFE =
  // eslint-disable-next-line no-control-regex -- these are the very characters that must not come through
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\\]/gu;

/** What a cut through a pair of surrogates leaves at the end. */
const HALF_PAIR = /[\ud800-\udbff]$/u;

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\\', '\\\\'],
]);

/**
 * Makes a stranger's path or name fit for a log line: control characters become visible escapes (`\n`, `\x1b`,
 * `\u202e`), and so do the bytes of a path that are no UTF-8 (`decodePath` of the native fence: `\xff`). Bytes become U+FFFD
 * where they are no UTF-8. What is too long is cut with its length told.
 *
 * @param maxCharacters - longest result before the note about the cut, at least 1
 */
export function sanitize(text: string | Uint8Array, maxCharacters = SANITIZED_MAX_CHARACTERS): string {
  // A character is at most four bytes, so nothing visible is lost by not decoding the rest.
  const whole =
    typeof text === 'string' ? text : Buffer.from(text.subarray(0, maxCharacters * 4 + 4)).toString('utf8');
  const escaped = whole
    .slice(0, maxCharacters + 1)
    .replace(UNSAFE, (character) => SHORT_ESCAPES.get(character) ?? escapeCharacter(character));
  if (escaped.length <= maxCharacters && whole.length <= maxCharacters) return escaped;
  const unit = typeof text === 'string' ? 'characters' : 'bytes';
  return `${escaped.slice(0, maxCharacters).replace(HALF_PAIR, '')}… (${text.length} ${unit})`;
}

/** One UTF-16 unit as `\x1b` or `\u202e`; a byte of a path that is no UTF-8 as `\xff`. */
export function escapeCharacter(character: string): string {
  const unit = character.charCodeAt(0);
  // What `decodePath` puts for a byte that is no UTF-8.
  const code = unit >= 0xdc80 && unit <= 0xdcff ? unit - 0xdc00 : unit;
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
}
