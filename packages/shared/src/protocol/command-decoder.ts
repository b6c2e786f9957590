import type { Buffer } from 'node:buffer';
import { ByteWindow, indexOfByte } from './byte-window.js';
import { COMMAND_MAX_BYTES, terminatorOf, type Terminator } from './command.js';
import { lookupCommand, type KnownCommand, type UnknownCommand } from './command-lookup.js';

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const LETTER_N = 0x6e;
const LETTER_Z = 0x7a;

/** What {@link CommandDecoder.next} found. After `overlong` and `oldStyleInSession` the decoder is finished. */
export type DecodedCommand =
  | KnownCommand
  | UnknownCommand
  /** More than {@link COMMAND_MAX_BYTES} without a delimiter: clamd drops the connection without a reply. */
  | { readonly kind: 'overlong' }
  /** `terminator` is that of the command before, as in clamd's own complaint (behaviour 1.6). */
  | { readonly kind: 'oldStyleInSession'; readonly terminator: Terminator };

/**
 * Cuts what a client sends into commands (behaviour 1.2). The server pulls: FILDES and INSTREAM make the bytes behind
 * a command mean something else, so nothing is decoded ahead.
 *
 * Outside a session one command a connection is served, so after it `next()` answers `undefined`; after IDSESSION the
 * decoder goes by session rules. Which commands a session takes is not its business: see `allowedInSession`.
 *
 * Each `push` is one packet (one `recv`), which is what ends an old-style command. Push, then call `next()` until it
 * answers `undefined`, taking raw bytes in between where a command asks for them. Then the decoder holds at most
 * {@link COMMAND_MAX_BYTES} bytes and none of the caller's memory.
 *
 * @example
 * decoder.push(packet);
 * for (let decoded = decoder.next(); decoded !== undefined; decoded = decoder.next()) serve(decoded);
 */
export class CommandDecoder {
  readonly #window = new ByteWindow(COMMAND_MAX_BYTES);
  /** How much of the unfinished command is known to hold no delimiter, so that no byte is looked at twice. */
  #searchedBytes = 0;
  #lastTerminator: Terminator = '\0';
  /** Whether nothing was read since the last push; an old-style command is only seen there. */
  #atPacketStart = false;
  #state: 'first' | 'served' | 'session' | 'overlong' | 'finished' = 'first';

  /** Number of bytes behind the last command; more than none behind a dispatched one is garbage (behaviour 1.2). */
  get pendingBytes(): number {
    return this.#window.length;
  }

  /**
   * Looks at one packet; the caller must not write to `bytes` until `next()` answered `undefined` or `hold()` was called.
   * Whatever an {@link InstreamDecoder} left over is pushed in the same way. Ignored once the decoder is finished.
   */
  push(bytes: Buffer): void {
    if (bytes.length === 0 || this.#state === 'overlong' || this.#state === 'finished') return;
    if (this.#window.length > COMMAND_MAX_BYTES) {
      // The caller did not pull before it pushed again. To hold on to both would be a queue without a bound.
      this.#window.clear();
      this.#state = 'overlong';
      return;
    }
    this.#window.append(bytes);
    this.#atPacketStart = true;
  }

  /** For a caller that stops pulling early: copies what is unread, one packet at most, out of the packet's memory. */
  hold(): void {
    this.#window.hold();
  }

  /** The next command, or `undefined` when it needs more bytes. */
  next(): DecodedCommand | undefined {
    if (this.#state === 'overlong') return this.#finish({ kind: 'overlong' });
    const window = this.#window;
    if (window.length === 0) {
      window.settle();
      return undefined;
    }
    const first = window.bytes[window.start];
    if (this.#state === 'served') {
      this.#keepAtMost(COMMAND_MAX_BYTES);
      return undefined;
    }
    if (first === LETTER_Z || first === LETTER_N) return this.#nextPrefixed(first);
    return this.#state === 'session' ? this.#nextOldInSession() : this.#nextOld();
  }

  /** One raw byte behind the last command (the dummy byte of FILDES), or `undefined` when it did not arrive yet. */
  takeByte(): number | undefined {
    const byte = this.#window.length === 0 ? undefined : this.#window.bytes[this.#window.start];
    if (byte !== undefined) this.#consume(this.#window.start + 1);
    return byte;
  }

  /**
   * Up to `maxBytes` raw bytes behind the last command, by default all of them (the head of an INSTREAM upload).
   * To be called before `next()`, which would read the same bytes as a command. A view, not a copy: use it before the
   * next call of `push` or `next`.
   */
  take(maxBytes = this.#window.length): Buffer {
    const { bytes, start, end } = this.#window;
    const takenTo = Math.min(end, start + maxBytes);
    if (takenTo > start) this.#consume(takenTo);
    return bytes.subarray(start, takenTo);
  }

  #nextPrefixed(prefix: typeof LETTER_Z | typeof LETTER_N): DecodedCommand | undefined {
    const { bytes, start, end, length } = this.#window;
    const searchEnd = Math.min(end, start + COMMAND_MAX_BYTES);
    const delimiter = prefix === LETTER_Z ? NUL : LF;
    const delimiterAt = indexOfByte(bytes, delimiter, start + Math.max(1, this.#searchedBytes), searchEnd);
    if (delimiterAt === -1) {
      if (length > COMMAND_MAX_BYTES) return this.#finish({ kind: 'overlong' });
      this.#searchedBytes = length;
      this.#window.settle();
      return undefined;
    }
    if (prefix === LETTER_Z) {
      this.#consume(delimiterAt + 1);
      return this.#note(lookupCommand(bytes, { from: start + 1, to: delimiterAt }, 'z'));
    }
    // clamd reads the line as a C string: a NUL inside ends the command, and what follows it is unread.
    const nulAt = indexOfByte(bytes, NUL, start + 1, delimiterAt);
    const commandEnd = nulAt === -1 ? delimiterAt : nulAt;
    this.#consume(commandEnd + 1);
    const to = withoutLineEnd(bytes, start + 1, commandEnd);
    return this.#note(lookupCommand(bytes, { from: start + 1, to }, 'n'));
  }

  #nextOld(): DecodedCommand {
    const { bytes, start, end } = this.#window;
    const packetEnd = Math.min(end, start + COMMAND_MAX_BYTES);
    const lineFeedAt = indexOfByte(bytes, LF, start, packetEnd);
    const lineEnd = lineFeedAt === -1 ? packetEnd : lineFeedAt;
    const nulAt = indexOfByte(bytes, NUL, start, lineEnd);
    const to = withoutLineEnd(bytes, start, nulAt === -1 ? lineEnd : nulAt);
    const decoded = lookupCommand(bytes, { from: start, to }, 'old');
    if (lineFeedAt !== -1) {
      this.#consume(lineFeedAt + 1);
    } else if (nulAt !== -1 && decoded.kind === 'command' && decoded.command.verb === 'FILDES') {
      // `FILDES\0` and the dummy byte in one packet work with clamd; behind any other NUL it drops the packet's rest.
      this.#consume(nulAt + 1);
    } else {
      this.#consume(end);
    }
    return this.#note(decoded);
  }

  #nextOldInSession(): DecodedCommand | undefined {
    if (this.#atPacketStart) {
      return this.#finish({ kind: 'oldStyleInSession', terminator: this.#lastTerminator });
    }
    // Behind another command clamd does not look at it until the next packet. Its first byte is all that matters then.
    this.#keepAtMost(1);
    return undefined;
  }

  #keepAtMost(bytes: number): void {
    this.#window.end = Math.min(this.#window.end, this.#window.start + bytes);
    this.#window.settle();
  }

  #note(decoded: KnownCommand | UnknownCommand): DecodedCommand {
    this.#lastTerminator = terminatorOf(decoded.framing);
    if (this.#state === 'first') {
      const opensSession = decoded.kind === 'command' && decoded.command.verb === 'IDSESSION';
      this.#state = opensSession ? 'session' : 'served';
    }
    return decoded;
  }

  #consume(to: number): void {
    this.#window.start = to;
    this.#searchedBytes = 0;
    this.#atPacketStart = false;
  }

  #finish(decoded: DecodedCommand): DecodedCommand {
    this.#window.clear();
    this.#state = 'finished';
    return decoded;
  }
}

/** Where the command ends when the CR and LF at its end are left out. */
function withoutLineEnd(bytes: Buffer, from: number, to: number): number {
  let end = to;
  while (end > from && (bytes[end - 1] === CR || bytes[end - 1] === LF)) end -= 1;
  return end;
}
