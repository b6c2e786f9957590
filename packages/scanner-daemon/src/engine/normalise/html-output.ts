import { ByteSink, type ByteRange } from './byte-sink.js';
import { LOWER, LOWER_WITH_ONE_QUOTE } from './html-runs.js';

const SPACE = 0x20;

/** Longest value of `href` or `src` that is put among the text; the rest of a longer one is dropped. */
const LINK_MAX_BYTES = 8192;

/** Lower case for ASCII letters only. */
export function toLower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/** The two forms while they are made. A space before something is written once something follows it. */
export class HtmlOutput {
  readonly noComment: ByteSink;
  readonly noTags: ByteSink;
  readonly #link = new Uint8Array(LINK_MAX_BYTES);
  #linkBytes = 0;
  #hasPendingSpace = false;
  /** Sticky over bytes beyond ASCII, which do not count as text (observed). */
  #endsWithSpace = false;

  constructor(sizeBytes: number, maxBytes: number) {
    this.noComment = new ByteSink(sizeBytes, maxBytes);
    this.noTags = new ByteSink(Math.min(sizeBytes, 65_536), maxBytes);
  }

  /** A byte of the form with tags. */
  markup(byte: number): void {
    if (this.#hasPendingSpace) this.flushSpace();
    this.noComment.push(byte);
  }

  /** A space that only counts when something follows it. */
  pendSpace(): void {
    this.#hasPendingSpace = true;
  }

  /** Drops the space that {@link pendSpace} noted. */
  dropSpace(): void {
    this.#hasPendingSpace = false;
  }

  /** Writes the space that {@link pendSpace} noted. */
  flushSpace(): void {
    if (!this.#hasPendingSpace) return;
    this.#hasPendingSpace = false;
    this.noComment.push(SPACE);
  }

  /** A byte of the form without tags. */
  text(byte: number): void {
    this.noTags.push(byte);
    this.#endsWithSpace = false;
  }

  /** Printable bytes of the form with tags. */
  markupRun(bytes: Uint8Array, range: ByteRange): void {
    if (this.#hasPendingSpace) this.flushSpace();
    this.noComment.pushMapped(bytes, range, LOWER_WITH_ONE_QUOTE);
  }

  /** A byte of both forms; a control character is a space in the one without tags. */
  bothForms(byte: number): void {
    const small = toLower(byte);
    this.markup(small);
    if (byte < SPACE) this.textSpace();
    else this.text(small);
  }

  /** Printable bytes of both forms. */
  plainTextRun(bytes: Uint8Array, range: ByteRange): void {
    if (this.#hasPendingSpace) this.flushSpace();
    this.noComment.pushMapped(bytes, range, LOWER);
    this.noTags.pushMapped(bytes, range, LOWER);
    this.#endsWithSpace = false;
  }

  /** A space of the form without tags, unless one is there. */
  textSpace(): void {
    if (this.#endsWithSpace) return;
    this.noTags.push(SPACE);
    this.#endsWithSpace = true;
  }

  /**
   * One to three bytes beyond ASCII among the text. What clamscan 1.4.6 writes for them looks like a slip, and is
   * what signatures were made from: the last byte is never written, the one before it twice.
   */
  textMultibyte(bytes: number, count: number): void {
    if (count === 3) this.noTags.push((bytes >> 16) & 0xff);
    if (count >= 2) this.noTags.push((bytes >> 8) & 0xff);
    this.noTags.push((bytes >> 8) & 0xff);
  }

  /** Begins to note the value of a link. */
  beginLink(): void {
    this.#linkBytes = 0;
  }

  /** A byte of the value. */
  link(byte: number): void {
    if (this.#linkBytes === LINK_MAX_BYTES) return;
    this.#link[this.#linkBytes] = byte;
    this.#linkBytes += 1;
  }

  /** Bytes of the value. */
  linkRun(bytes: Uint8Array, { start, end }: ByteRange): void {
    for (let index = start; index < end; index += 1) this.link(bytes[index] ?? 0);
  }

  /** Takes the last byte of the value back. */
  shortenLink(): void {
    if (this.#linkBytes > 0) this.#linkBytes -= 1;
  }

  /** Puts the value, in its own case, among the text. */
  writeLink(): void {
    if (this.#linkBytes === 0) return;
    for (let index = 0; index < this.#linkBytes; index += 1) this.noTags.push(this.#link[index] ?? 0);
    this.noTags.push(SPACE);
    this.#endsWithSpace = true;
    this.#linkBytes = 0;
  }
}
