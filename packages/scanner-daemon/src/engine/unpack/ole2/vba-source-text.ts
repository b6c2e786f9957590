const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const UNDERSCORE = 0x5f;
const TO_LOWER = 0x20;

/**
 * The source of a VBA module as clamscan 1.4.6 writes it into the text of a project (observed): letters in lower case and
 * blanks as one, save between quotes; lines that an underscore behind a blank continues are one line.
 *
 * @param source UTF-8; letters outside ASCII stay as they are
 */
export function vbaSourceText(source: Buffer): Buffer {
  const text = Buffer.alloc(source.length);
  let sizeBytes = 0;
  let isQuoted = false;
  // Behind a blank, and behind underscores that follow it.
  let isBlank = false;
  for (let at = 0; at < source.length; at += 1) {
    const byte = source[at] ?? 0;
    if (isQuoted) {
      isQuoted = byte !== QUOTE;
      text[sizeBytes++] = byte;
      continue;
    }
    const isSpace = byte === SPACE || byte === TAB;
    if (isBlank && byte === UNDERSCORE) {
      const newlineBytes = newlineAt(source, at + 1);
      if (newlineBytes === 0) text[sizeBytes++] = byte;
      at += newlineBytes;
      continue;
    }
    if (isSpace && isBlank && source[at - 1] !== UNDERSCORE) continue;
    isBlank = isSpace;
    isQuoted = byte === QUOTE;
    if (isSpace) text[sizeBytes++] = SPACE;
    else text[sizeBytes++] = byte >= UPPER_A && byte <= UPPER_Z ? byte + TO_LOWER : byte;
  }
  return text.subarray(0, sizeBytes);
}

function newlineAt(source: Buffer, at: number): number {
  if (source[at] === LINE_FEED) return 1;
  return source[at] === CARRIAGE_RETURN && source[at + 1] === LINE_FEED ? 2 : 0;
}
