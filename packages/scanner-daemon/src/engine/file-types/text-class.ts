/** How the head of a file reads as text. */
export type TextClass = 'textAscii' | 'textUtf16le' | 'textUtf16be' | 'binary';

/**
 * Bytes of text: BEL, BS, TAB, LF, FF, CR, ESC, 0x20 to 0x7e and everything from 0x80 on. The encoding of the
 * upper half is not looked at: broken UTF-8 is text as well (observed byte by byte).
 */
const IS_TEXT = new Uint8Array(256).map((_, byte) =>
  byte >= 0x80 || (byte >= 0x20 && byte < 0x7f) || [7, 8, 9, 10, 12, 13, 27].includes(byte) ? 1 : 0,
);

const BYTE_ORDER_MARK = 0xfeff;
const SWAPPED_BYTE_ORDER_MARK = 0xfffe;

/**
 * Tells text from binary data as clamscan 1.4.6 does. Bytes that are no single-byte text are tried as UTF-16: with
 * a byte order mark everything but U+FFFE passes, without one only big-endian is tried and control characters fail
 * behind the first unit, which is never judged.
 */
export function classifyText(head: Uint8Array): TextClass {
  let length = 0;
  while (length < head.length && IS_TEXT[head[length] ?? 0] === 1) length += 1;
  if (length === head.length) return 'textAscii';
  if (head.length < 2) return 'binary';
  const first = unitAt(head, 0);
  const isLittle = first === SWAPPED_BYTE_ORDER_MARK;
  const hasMark = isLittle || first === BYTE_ORDER_MARK;
  for (let offset = 2; offset + 1 < head.length; offset += 2) {
    const unit = unitAt(head, offset);
    const value = isLittle ? ((unit & 0xff) << 8) | (unit >> 8) : unit;
    if (value === SWAPPED_BYTE_ORDER_MARK) return 'binary';
    if (!hasMark && value < 0x80 && IS_TEXT[value] === 0) return 'binary';
  }
  return isLittle ? 'textUtf16le' : 'textUtf16be';
}

function unitAt(head: Uint8Array, offset: number): number {
  return ((head[offset] ?? 0) << 8) | (head[offset + 1] ?? 0);
}
