import { encodeCommand, messageOf } from '@portcullis/shared';
import { decodePath, WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';

/** What a daemon is asked, on a connection of its own. */
export interface Question {
  /** What is sent, in order; drawn from only as fast as the daemon reads. */
  readonly parts: () => Iterable<Uint8Array>;
  /** Sent after the parts, as FILDES. Borrowed until the answer. */
  readonly passedFd?: number;
}

/** Everything a daemon said until it closed the connection. */
export type Answer =
  | { readonly kind: 'answered'; readonly lines: readonly string[] }
  | { readonly kind: 'noAnswer'; readonly why: string };

/** Where to ask, and how long to wait. */
export interface AskOptions {
  readonly native: NativeApi;
  readonly socketPath: string;
  /** From the connect to the last line. */
  readonly timeoutMs: number;
}

/** The command and the byte behind it that the descriptor travels with (behaviour 1.7). Not the one that asks for notices. */
const fildes = Buffer.concat([encodeCommand('FILDES'), Buffer.of(0)]);
const connectRetryMs = 5;
/** Past a command and PATH_MAX (behaviour 5.1) by far. */
const lineMaxBytes = 64 * 1024;
/** Of a whole tree. */
const linesMax = 500_000;

/**
 * Asks on a new connection and collects the replies until the daemon closes it. The lines are as `decodePath` gives them,
 * without their NUL. Never rejects.
 */
export function ask(question: Question, options: AskOptions): Promise<Answer> {
  return new Promise((resolve) => {
    new Conversation(question, options, resolve).begin();
  });
}

class Conversation {
  readonly #native: NativeApi;
  readonly #socketPath: string;
  readonly #settle: (answer: Answer) => void;
  readonly #parts: Iterator<Uint8Array>;
  readonly #timer: NodeJS.Timeout;
  readonly #lines: string[] = [];
  #fd: number | undefined;
  #poll: PollHandle | undefined;
  #unsent: Uint8Array | undefined;
  #passedFd: number | undefined;
  #isWaitingToWrite = false;
  #partial: Buffer = Buffer.alloc(0);

  constructor(question: Question, options: AskOptions, settle: (answer: Answer) => void) {
    this.#native = options.native;
    this.#socketPath = options.socketPath;
    this.#settle = settle;
    this.#parts = question.parts()[Symbol.iterator]();
    this.#passedFd = question.passedFd;
    this.#timer = setTimeout(() => {
      this.#end({ kind: 'noAnswer', why: `no answer within ${options.timeoutMs / 1000} s` });
    }, options.timeoutMs);
  }

  begin(): void {
    try {
      this.#fd = this.#native.sockets.createUnix();
    } catch (failure) {
      this.#end({ kind: 'noAnswer', why: messageOf(failure) });
      return;
    }
    this.#connect(this.#fd);
  }

  #connect(fd: number): void {
    if (this.#fd === undefined) return;
    try {
      if (this.#native.sockets.connectUnix(fd, this.#socketPath) === 'inProgress') {
        // The backlog is full; the timer bounds how often this is tried.
        setTimeout(() => {
          this.#connect(fd);
        }, connectRetryMs);
        return;
      }
      this.#poll = this.#native.poller.watch(fd, { readable: true, writable: false }, (ready) => {
        if (ready.writable) this.#send(fd);
        if (ready.readable) this.#receive(fd);
      });
    } catch (failure) {
      this.#end({ kind: 'noAnswer', why: messageOf(failure) });
      return;
    }
    this.#send(fd);
  }

  /** Sends until the daemon takes no more. A daemon that hangs up may have said why: that is left to reading. */
  #send(fd: number): void {
    if (this.#fd === undefined) return;
    try {
      this.#wantWritable(!this.#flush(fd));
    } catch {
      this.#unsent = undefined;
      this.#passedFd = undefined;
      this.#parts.return?.();
      this.#wantWritable(false);
    }
  }

  /** @returns whether everything is sent */
  #flush(fd: number): boolean {
    for (;;) {
      this.#unsent ??= this.#nextPart();
      if (this.#unsent === undefined) break;
      const sent = this.#native.sockets.send(fd, this.#unsent);
      if (sent === WOULD_BLOCK) return false;
      this.#unsent = sent < this.#unsent.length ? this.#unsent.subarray(sent) : undefined;
    }
    if (this.#passedFd === undefined) return true;
    if (this.#native.sockets.sendWithFd(fd, fildes, this.#passedFd) === WOULD_BLOCK) return false;
    this.#passedFd = undefined;
    return true;
  }

  #nextPart(): Uint8Array | undefined {
    const next = this.#parts.next();
    return next.done === true ? undefined : next.value;
  }

  #wantWritable(writable: boolean): void {
    if (this.#isWaitingToWrite === writable) return;
    this.#isWaitingToWrite = writable;
    this.#poll?.want({ readable: true, writable });
  }

  #receive(fd: number): void {
    if (this.#fd === undefined) return;
    try {
      const message = this.#native.sockets.receive(fd);
      if (message === undefined) return;
      if (message.bytes.length === 0) this.#endOfReplies('the daemon closed the connection');
      else this.#collect(message.bytes);
    } catch (failure) {
      this.#endOfReplies(messageOf(failure));
    }
  }

  #collect(bytes: Buffer): void {
    // Copied by concat: what was received is lent.
    const text = Buffer.concat([this.#partial, bytes]);
    let start = 0;
    for (let end = text.indexOf(0); end !== -1; end = text.indexOf(0, start)) {
      this.#lines.push(decodePath(text.subarray(start, end)));
      start = end + 1;
    }
    this.#partial = text.subarray(start);
    if (this.#partial.length > lineMaxBytes || this.#lines.length > linesMax)
      this.#end({ kind: 'noAnswer', why: 'a reply without an end' });
  }

  #endOfReplies(why: string): void {
    if (this.#partial.length > 0) this.#end({ kind: 'noAnswer', why: `a reply was cut off: ${why}` });
    else if (this.#lines.length === 0) this.#end({ kind: 'noAnswer', why });
    else this.#end({ kind: 'answered', lines: this.#lines });
  }

  #end(answer: Answer): void {
    clearTimeout(this.#timer);
    this.#parts.return?.();
    this.#poll?.close();
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) this.#native.files.close(fd);
    this.#settle(answer);
  }
}
