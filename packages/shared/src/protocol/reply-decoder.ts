import { Buffer } from 'node:buffer';
import { ByteWindow, indexOfByte } from './byte-window.js';
import type { Terminator } from './command.js';
import { parseReply } from './parse-reply.js';
import type { Reply } from './reply.js';

/** What {@link ReplyDecoder.push} found. */
export type DecodedReply =
  | {
      readonly kind: 'reply';
      /** Left out for a reply outside a session, and for a number above 2^53 - 1 or with leading zeros. */
      readonly sessionId?: number;
      readonly reply: Reply;
    }
  /** A line longer than the bound; the decoder is finished. */
  | { readonly kind: 'overlong' };

/** clamd's own bound on a reply line, in bytes: PATH_MAX + 1024 (behaviour 4.4, 5.1). */
const LINE_MAX_BYTES = 4096 + 1024;

/** Always ends in LF, whatever the session's framing, and carries no id (behaviour 1.9). */
const TIMED_OUT_LINE = Buffer.from('COMMAND READ TIMED OUT\n', 'latin1');
const TIMED_OUT_REPLY: Reply = { kind: 'word', text: TIMED_OUT_LINE.toString('latin1').trimEnd() };

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const BEFORE_FD = Buffer.from(': fd[', 'latin1');
const AFTER_FD = Buffer.from(']: OK', 'latin1');
/** Nine digits stay exact, and more are not worth a fast path. */
const FAST_DIGITS_MAX = 9;
/** Descriptor numbers whose `clean` reply is made once and used again. */
const SHARED_REPLIES_MAX = 1024;

/**
 * Cuts what a daemon sends into replies. All replies of a connection must have the same terminator, that is, the
 * client must use one framing throughout; `COMMAND READ TIMED OUT` is recognised whatever it is.
 *
 * Holds at most one unfinished line, and after `push` none of the caller's memory.
 */
export class ReplyDecoder {
  readonly #window: ByteWindow;
  readonly #terminatorByte: number;
  readonly #lineMaxBytes: number;
  readonly #cleanReplies: Reply[] = [];
  #searchedBytes = 0;
  #finished = false;

  /** @param options - `lineMaxBytes`: longest reply without its terminator, by default clamd's own bound of 5120 */
  constructor(options: { terminator: Terminator; lineMaxBytes?: number }) {
    this.#terminatorByte = options.terminator === '\0' ? 0 : 0x0a;
    this.#lineMaxBytes = options.lineMaxBytes ?? LINE_MAX_BYTES;
    this.#window = new ByteWindow(Math.max(this.#lineMaxBytes, TIMED_OUT_LINE.length));
  }

  /** Number of bytes of the unfinished line; not 0 at the end of the connection means that a reply was cut off. */
  get pendingBytes(): number {
    return this.#window.length;
  }

  /** The replies that `bytes` complete, in order. Ignored, with `[]`, once a line was overlong. */
  push(bytes: Buffer): DecodedReply[] {
    const decoded: DecodedReply[] = [];
    if (this.#finished) return decoded;
    this.#window.append(bytes);
    for (let reply = this.#next(); reply !== undefined; reply = this.#next()) decoded.push(reply);
    this.#window.settle();
    return decoded;
  }

  #next(): DecodedReply | undefined {
    if (this.#window.length === 0) return undefined;
    return this.#nextCleanDescriptor() ?? this.#nextTimedOut() ?? this.#nextLine();
  }

  #nextLine(): DecodedReply | undefined {
    const { bytes, start, end, length } = this.#window;
    const searchEnd = Math.min(end, start + this.#lineMaxBytes + 1);
    const lineEnd = indexOfByte(bytes, this.#terminatorByte, start + this.#searchedBytes, searchEnd);
    if (lineEnd !== -1) {
      this.#consume(lineEnd + 1);
      return { kind: 'reply', ...parseReply(bytes.toString('utf8', start, lineEnd)) };
    }
    this.#searchedBytes = length;
    if (length <= this.#lineMaxBytes) return undefined;
    this.#window.clear();
    this.#finished = true;
    return { kind: 'overlong' };
  }

  #nextTimedOut(): DecodedReply | undefined {
    const { bytes, start, end } = this.#window;
    const lineEnd = start + TIMED_OUT_LINE.length;
    if (lineEnd > end || TIMED_OUT_LINE.compare(bytes, start, lineEnd) !== 0) return undefined;
    this.#consume(lineEnd);
    return { kind: 'reply', reply: TIMED_OUT_REPLY };
  }

  /**
   * The one line that comes by the ten thousand, `12: fd[14]: OK`, without making a string of it. Anything else,
   * unfinished ones included, is `undefined` and left to {@link parseReply}.
   */
  #nextCleanDescriptor(): DecodedReply | undefined {
    const { bytes, start, end } = this.#window;
    // Bytes behind `end` are old ones. They may be looked at, since nothing counts unless the last byte is before it.
    const idEnd = digitsEnd(bytes, start);
    const fdStart = idEnd + BEFORE_FD.length;
    if (idEnd === start || !matches(bytes, idEnd, BEFORE_FD)) return undefined;
    if (bytes[start] === DIGIT_0 && idEnd > start + 1) return undefined;
    const fdEnd = digitsEnd(bytes, fdStart);
    const lineEnd = fdEnd + AFTER_FD.length;
    if (fdEnd === fdStart || lineEnd >= end || !matches(bytes, fdEnd, AFTER_FD)) return undefined;
    if (bytes[fdStart] === DIGIT_0 && fdEnd > fdStart + 1) return undefined;
    if (bytes[lineEnd] !== this.#terminatorByte || lineEnd - start > this.#lineMaxBytes) return undefined;
    const sessionId = decimal(bytes, start, idEnd);
    const reply = this.#cleanReply(decimal(bytes, fdStart, fdEnd));
    this.#consume(lineEnd + 1);
    return { kind: 'reply', sessionId, reply };
  }

  #cleanReply(fd: number): Reply {
    const reply: Reply = this.#cleanReplies[fd] ?? { kind: 'clean', name: `fd[${fd}]` };
    if (fd < SHARED_REPLIES_MAX) this.#cleanReplies[fd] = reply;
    return reply;
  }

  #consume(to: number): void {
    this.#window.start = to;
    this.#searchedBytes = 0;
  }
}

/** Where the digits from `at` end; looks at no more than {@link FAST_DIGITS_MAX}. */
function digitsEnd(bytes: Buffer, at: number): number {
  let end = at;
  while (end < at + FAST_DIGITS_MAX) {
    const byte = bytes[end];
    if (byte === undefined || byte < DIGIT_0 || byte > DIGIT_9) break;
    end += 1;
  }
  return end;
}

function decimal(bytes: Buffer, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at += 1) value = value * 10 + (bytes[at] ?? 0) - DIGIT_0;
  return value;
}

function matches(bytes: Buffer, at: number, literal: Buffer): boolean {
  for (let offset = 0; offset < literal.length; offset += 1) {
    if (bytes[at + offset] !== literal[offset]) return false;
  }
  return true;
}
