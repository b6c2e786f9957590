import { findMailMark } from '../../file-types/marks.js';
import { detectFileType, FILE_TYPE_HEAD_BYTES } from '../../file-types/detect-file-type.js';
import { bytesInput, type ScanInput } from '../../engine.js';
import { ContainerWalk } from '../container-walk.js';
import { readRange } from '../input-range.js';
import type { UnpackContext, UnpackOutcome, Unpacker } from '../unpacker.js';
import { findBounced } from './bounced.js';
import { lineAt, readHeaders, type MimeHeaders } from './mime-headers.js';
import { splitMailbox } from './mailbox.js';
import { splitMultipart } from './multipart.js';
import { readPlainBody } from './plain-body.js';
import { decodeBase64, decodeQuotedPrintable } from './transfer-encoding.js';

/**
 * A mail, or a mailbox of them: every body and attachment, decoded, is an entry, a part `message/rfc822` as a file
 * that is a mail again. Bodies come line by line as for clamscan 1.4.6: each line ends with LF, NUL is left out.
 *
 * Two things are scanned here that clamscan leaves out: all parts of multipart/signed and multipart/parallel (there
 * only one of them), and a message/rfc822 without an encoded part.
 */
export const mailUnpacker: Unpacker = { format: 'mail', unpack: unpackMail };

/** Multiparts within one another: 18 are looked into, 19 are not (observed). */
const MULTIPART_DEPTH_MAX = 18;

function unpackMail(input: ScanInput, context: UnpackContext): UnpackOutcome {
  const view = readRange(input, 0, input.sizeBytes);
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const head = bytes.subarray(0, FILE_TYPE_HEAD_BYTES);
  const markedAt = detectFileType(head) === 'mail' ? 0 : findMailMark(head);
  const mail = new Mail(bytes, new ContainerWalk(context));
  for (const { start, end } of splitMailbox(bytes, Math.max(markedAt, 0), () => context.budget.mayContinue()))
    mail.unpackMessage(start, end, 0);
  return mail.outcome();
}

/** The way through the parts of one file. */
class Mail {
  readonly #bytes: Buffer;
  readonly #walk: ContainerWalk;

  constructor(bytes: Buffer, walk: ContainerWalk) {
    this.#bytes = bytes;
    this.#walk = walk;
  }

  outcome(): UnpackOutcome {
    return this.#walk.outcome();
  }

  unpackMessage(start: number, end: number, depth: number): void {
    const headers = readHeaders(this.#bytes, start, end);
    this.#unpackEntity(headers, end, depth);
  }

  /** A body with what its headers say about it. */
  #unpackEntity(headers: MimeHeaders, end: number, depth: number): void {
    if (!this.#walk.mayContinue()) return;
    const { bodyStart, contentType, boundary } = headers;
    const isMultipart = contentType.startsWith('multipart/') && boundary !== undefined;
    if (isMultipart && depth === MULTIPART_DEPTH_MAX) {
      this.#walk.limited(this.#tooDeep());
      return;
    }
    if (isMultipart && this.#unpackMultipart({ start: bodyStart, end, boundary }, depth + 1)) return;
    // Unencoded at the top it is the mail itself; within a multipart it is a file of its own (observed).
    const isMessage = contentType === 'message/rfc822' || contentType === 'message/delivery-status';
    if (isMessage && depth === 0) this.#unpackMessageBody(bodyStart, end);
    else {
      this.#emitBody(headers, end, depth);
      if (isMessage) this.#unpackUnmarked(bodyStart, end, depth);
    }
  }

  #tooDeep(): 'tooDeep' {
    this.#walk.budget.note('tooDeep');
    return 'tooDeep';
  }

  /** A message that does not begin as a mail does is no mail when it is a file: its parts are taken from here. */
  #unpackUnmarked(start: number, end: number, depth: number): void {
    const head = this.#bytes.subarray(start, Math.min(end, start + FILE_TYPE_HEAD_BYTES));
    if (depth < MULTIPART_DEPTH_MAX && detectFileType(head) !== 'mail')
      this.unpackMessage(start, end, depth + 1);
  }

  /** Counts as a level, so that messages within messages end. */
  #unpackMessageBody(start: number, end: number): void {
    this.unpackMessage(start, end, 1);
  }

  /** @returns false where no boundary stands in the body: it is then a text. */
  #unpackMultipart(
    body: { readonly start: number; readonly end: number; readonly boundary: string },
    depth: number,
  ): boolean {
    const parts = splitMultipart(this.#bytes, body, () => this.#walk.mayContinue());
    for (const { start, end, isEpilogue } of parts) {
      if (!this.#walk.mayContinue()) return true;
      if (isEpilogue) this.#emitText({ start, end, name: '' });
      else this.#unpackEntity(readHeaders(this.#bytes, this.#skipBlankLines(start, end), end), end, depth);
    }
    return parts.length > 0;
  }

  /** Headers may stand behind empty lines (observed). */
  #skipBlankLines(start: number, end: number): number {
    let at = start;
    while (at < end) {
      const line = lineAt(this.#bytes, at, end);
      if (line.end > at) return at;
      at = line.next;
    }
    return at;
  }

  /** Decodes a body in each way that its headers name; what they do not name is text. */
  #emitBody(headers: MimeHeaders, end: number, depth: number): void {
    const { bodyStart: start, encodings, fileName: name } = headers;
    const ways = new Set(encodings.length === 0 ? ['7bit'] : encodings);
    let isText = false;
    for (const way of ways) {
      if (!this.#walk.mayContinue()) return;
      if (way === 'base64') this.#emit(name, decodeBase64(this.#bytes, start, end), end - start);
      else if (way === 'quoted-printable')
        this.#emit(name, decodeQuotedPrintable(this.#bytes, start, end), end - start);
      else {
        if (!IDENTITIES.has(way)) this.#emit(name, decodeBase64(this.#bytes, start, end), end - start);
        if (!isText) this.#emitText({ start, end, name });
        isText = true;
      }
    }
    if (isText && maybeBase64(headers, depth))
      this.#emit(name, decodeBase64(this.#bytes, start, end), end - start);
    if (depth > 0 || !isText || !this.#walk.mayContinue()) return;
    const bounced = findBounced(this.#bytes, { start, end });
    if (bounced !== undefined) this.#emit('', bounced, end - start);
  }

  #emitText({
    start,
    end,
    name,
  }: {
    readonly start: number;
    readonly end: number;
    readonly name: string;
  }): void {
    const { text, blocks } = readPlainBody(this.#bytes, start, end);
    for (const block of blocks) this.#emit(block.name, block.content, end - start);
    this.#emit(name, text, end - start);
  }

  #emit(name: string, content: Buffer, compressedSizeBytes: number): void {
    if (content.length === 0 || isBlank(content) || !this.#walk.mayContinue()) return;
    this.#walk.emit({ name: Buffer.from(name, 'latin1'), input: bytesInput(content), compressedSizeBytes });
  }
}

/**
 * True for bodies that clamscan 1.4.6 reads as base64 too, though their headers do not say so (observed for each type,
 * at the top and in multiparts).
 */
function maybeBase64(headers: MimeHeaders, depth: number): boolean {
  const { contentType, encodings, hasTypeName, hasDisposition } = headers;
  if (encodings.length === 0) return hasTypeName && !hasDisposition;
  if (!encodings.includes('7bit') || contentType === '') return false;
  if (hasTypeName || hasDisposition) return true;
  return depth === 0 ? !contentType.startsWith('application/') : contentType === 'text/html';
}

/** Encodings that change nothing. With any other word a body is taken for text and for base64 (observed). */
const IDENTITIES: ReadonlySet<string> = new Set([
  '7bit',
  '8bit',
  'binary',
  'x-uuencode',
  'uuencode',
  'x-uue',
]);

/** Nothing but line ends: not worth a file. */
function isBlank(content: Buffer): boolean {
  for (const byte of content) if (byte !== 0x0a) return false;
  return true;
}
