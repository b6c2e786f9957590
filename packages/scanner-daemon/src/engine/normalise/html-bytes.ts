/** Bytes that mean something in markup. */
export const SPACE = 0x20;
export const LINE_FEED = 0x0a;
export const LESS = 0x3c;
export const GREATER = 0x3e;
export const AMPERSAND = 0x26;
export const DOUBLE_QUOTE = 0x22;
export const SINGLE_QUOTE = 0x27;
export const EQUALS = 0x3d;
export const EXCLAMATION = 0x21;

/** What a byte is: 1 white space, 2: left out wherever it stands (NUL and CR), 3: beyond ASCII. */
export const CLASS = new Uint8Array(256).map((_, byte) => {
  if (byte === SPACE || byte === 9 || byte === 10 || byte === 11 || byte === 12) return 1;
  if (byte === 0 || byte === 13) return 2;
  return byte >= 0x80 ? 3 : 0;
});
export const WHITE = 1;
export const LEFT_OUT = 2;
export const BEYOND_ASCII = 3;

/** Either of the quotes of an attribute value. */
export function isQuote(byte: number): boolean {
  return byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE;
}

export const FULL_STOP = 0x2e;

/** U+3002 and U+FF0E in UTF-8 become a full stop (observed). */
export function isFullStop(bytes: number): boolean {
  return (bytes & 0xffffff) === 0xe38082 || (bytes & 0xffffff) === 0xefbc8e;
}
