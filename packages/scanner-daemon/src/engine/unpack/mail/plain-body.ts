import { lineAt } from './mime-headers.js';
import { BodyText } from './transfer-encoding.js';

/** `begin`, three octal digits and a name: where uuencoded bytes begin. */
const UU_BEGIN = /^begin [0-7]{3} ./;
const BEGIN = Buffer.from('begin ');
const BEGIN_LINE_MAX_BYTES = 1000;

/** A body without an encoding that covers it whole. */
export interface PlainBody {
  /** Its lines, without those of the blocks. */
  readonly text: Buffer;
  /** Each `begin 644 name` block in it, decoded. */
  readonly blocks: readonly UuBlock[];
}

/** A uuencoded file within text. */
export interface UuBlock {
  readonly name: string;
  readonly content: Buffer;
}

/** Takes uuencoded blocks out of the lines of a body. The line `end` stays with the text (observed). */
export function readPlainBody(bytes: Buffer, start: number, end: number): PlainBody {
  const text = new BodyText(end - start + 1);
  const blocks: UuBlock[] = [];
  for (let at = start; at < end;) {
    const line = lineAt(bytes, at, end);
    const name = beginName(bytes, at, line.end);
    if (name === undefined) {
      text.addLine(bytes, at, line.end);
      at = line.next;
      continue;
    }
    const block = decodeUu(bytes, line.next, end);
    blocks.push({ name, content: block.content });
    at = block.next;
  }
  return { text: text.view(), blocks };
}

function beginName(bytes: Buffer, start: number, end: number): string | undefined {
  if (bytes[start] !== BEGIN[0] || end - start < BEGIN.length + 4) return undefined;
  const line = bytes.toString('latin1', start, Math.min(end, start + BEGIN_LINE_MAX_BYTES));
  return UU_BEGIN.test(line) ? line.slice(10).trim() : undefined;
}

/** Lines of a length and its digits, up to one of length 0, or one that cannot be. */
function decodeUu(
  bytes: Buffer,
  start: number,
  end: number,
): { readonly content: Buffer; readonly next: number } {
  const lines: { readonly at: number; readonly sizeBytes: number }[] = [];
  let totalBytes = 0;
  let at = start;
  while (at < end) {
    const line = lineAt(bytes, at, end);
    const sizeBytes = line.end === at ? 0 : uuLength(bytes[at] ?? 0);
    const isData = sizeBytes > 0 && line.end - at - 1 >= Math.ceil((sizeBytes * 4) / 3);
    if (isData) lines.push({ at, sizeBytes });
    at = line.next;
    if (!isData) break;
    totalBytes += sizeBytes;
  }
  const content = Buffer.allocUnsafe(totalBytes);
  let length = 0;
  for (const line of lines) {
    decodeUuLine(bytes, line.at + 1, content.subarray(length, length + line.sizeBytes));
    length += line.sizeBytes;
  }
  return { content, next: at };
}

function decodeUuLine(bytes: Buffer, start: number, output: Buffer): void {
  for (let index = 0, digit = start; index < output.length; index += 3, digit += 4) {
    const group =
      (uuDigit(bytes, digit) << 18) |
      (uuDigit(bytes, digit + 1) << 12) |
      (uuDigit(bytes, digit + 2) << 6) |
      uuDigit(bytes, digit + 3);
    output[index] = group >> 16;
    if (index + 1 < output.length) output[index + 1] = (group >> 8) & 0xff;
    if (index + 2 < output.length) output[index + 2] = group & 0xff;
  }
}

/** 0, which ends a block, also for what is no length. */
function uuLength(byte: number): number {
  return byte > 0x20 && byte < 0x60 ? byte - 0x20 : 0;
}

function uuDigit(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0x20) - 0x20) & 0x3f;
}
