import { lineAt } from './mime-headers.js';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const EQUALS = 0x3d;

/** The value of each base64 digit; 64 for what is none. */
const DIGITS = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const BASE64 = new Uint8Array(256).fill(64);
for (const [value, digit] of DIGITS.entries()) BASE64[digit] = value;

/**
 * Base64 as clamscan 1.4.6 reads it: what is no digit is skipped, `=` ends its line only, and bits that are left
 * over at a line with `=` stay for the next one (observed).
 */
export function decodeBase64(bytes: Buffer, start: number, end: number): Buffer {
  const output = Buffer.allocUnsafe(Math.floor(((end - start) * 3) / 4) + 2);
  let length = 0;
  let bits = 0;
  let bitCount = 0;
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index] ?? 0;
    const digit = BASE64[byte] ?? 64;
    if (digit === 64) {
      if (byte === EQUALS) index = endOfLine(bytes, index, end);
      continue;
    }
    bits = ((bits & 0x3f) << 6) | digit;
    bitCount += 6;
    if (bitCount < 8) continue;
    bitCount -= 8;
    output[length] = (bits >> bitCount) & 0xff;
    length += 1;
  }
  const rest = bitCount === 0 ? 0 : (bits << (8 - bitCount)) & 0xff;
  if (bitCount === 6 || rest !== 0) {
    output[length] = rest;
    length += 1;
  }
  return output.subarray(0, length);
}

function endOfLine(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== LINE_FEED && bytes[at] !== CARRIAGE_RETURN) at += 1;
  return at;
}

/** The value of a hexadecimal digit of either case; 16 for what is none. */
const HEX = new Uint8Array(256).fill(16);
for (let digit = 0; digit < 16; digit += 1) {
  HEX[digit.toString(16).charCodeAt(0)] = digit;
  HEX[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** Quoted-printable, where what is no escape is left as it is and every line ends with LF (observed). */
export function decodeQuotedPrintable(bytes: Buffer, start: number, end: number): Buffer {
  const output = Buffer.allocUnsafe(end - start + 1);
  let length = 0;
  for (let at = start; at < end;) {
    const line = lineAt(bytes, at, end);
    let isJoined = false;
    for (let index = at; index < line.end; index += 1) {
      const byte = bytes[index] ?? 0;
      if (byte === 0) continue;
      if (byte !== EQUALS) {
        output[length++] = byte;
        continue;
      }
      const high = HEX[bytes[index + 1] ?? 0] ?? 16;
      if (index + 1 === line.end) isJoined = true;
      else if (index + 2 === line.end) {
        output[length++] = high === 16 ? EQUALS : high;
        index += 1;
      } else if (high === 16) output[length++] = EQUALS;
      else {
        const low = HEX[bytes[index + 2] ?? 0] ?? 16;
        output[length++] = low === 16 ? EQUALS : 16 * high + low;
        index += 2;
      }
    }
    if (!isJoined) output[length++] = LINE_FEED;
    at = line.next;
  }
  return output.subarray(0, length);
}

/** The lines of a body as they are scanned. */
export class BodyText {
  readonly #bytes: Buffer;
  #length = 0;

  /** @param maxBytes the bytes of all lines with their line ends, and one more */
  constructor(maxBytes: number) {
    this.#bytes = Buffer.allocUnsafe(maxBytes);
  }

  /** Appends a line, ended by LF and without NUL (observed). */
  addLine(bytes: Buffer, start: number, end: number): void {
    for (let index = start; index < end; index += 1) {
      const byte = bytes[index] ?? 0;
      if (byte !== 0) this.#bytes[this.#length++] = byte;
    }
    this.#bytes[this.#length++] = LINE_FEED;
  }

  /** What was added, without a copy. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}
