import { WOULD_BLOCK } from '@portcullis/shared/native';
import { OUTPUT_HIGH_WATER_BYTES, OUTPUT_MAX_BYTES } from './server-config.js';
import type { Flushable, TurnEnd } from './turn-end.js';

/** What an {@link OutputQueue} needs of its transport. */
export interface OutputSink {
  /** Sends some of the bytes. @returns how many were taken, or {@link WOULD_BLOCK}. @throws when the client is gone. */
  write(bytes: Buffer): number;
  /** Whether to be told, by a call of `flush`, when more can be written. */
  wantWritable(wanted: boolean): void;
  /** Everything was handed to the kernel. */
  onEmpty(): void;
  onDrained(): void;
  /** The client does not read, or is gone: nothing more will be written. */
  onFailed(reason: 'stalled' | 'gone'): void;
}

/** The bytes one client has not taken yet, with the clock of SendBufTimeout (behaviour 1.9). */
export class OutputQueue implements Flushable {
  readonly #sink: OutputSink;
  readonly #turnEnd: TurnEnd;
  readonly #stallMs: number;
  #pieces: Buffer[] = [];
  #queuedBytes = 0;
  #state: 'idle' | 'scheduled' | 'blocked' | 'closed' = 'idle';
  #wasCongested = false;
  #stallTimer: NodeJS.Timeout | undefined;

  constructor(sink: OutputSink, options: { turnEnd: TurnEnd; stallMs: number }) {
    this.#sink = sink;
    this.#turnEnd = options.turnEnd;
    this.#stallMs = options.stallMs;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get congested(): boolean {
    return this.#queuedBytes >= OUTPUT_HIGH_WATER_BYTES;
  }

  append(bytes: Buffer): void {
    if (this.#state === 'closed' || bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#wasCongested ||= this.congested;
    this.schedule();
  }

  /** Flushes at the end of this turn, even when nothing is queued. */
  schedule(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'scheduled';
    this.#turnEnd.add(this);
  }

  /** Hands on what the kernel takes. Called at the end of a turn and when the socket became writable. */
  flush(): void {
    if (this.#state === 'closed') return;
    if (this.#queuedBytes > OUTPUT_MAX_BYTES) {
      this.#sink.onFailed('stalled');
      return;
    }
    const outcome = this.#write();
    if (outcome === 'failed') {
      this.#sink.onFailed('gone');
      return;
    }
    this.#setBlocked(outcome);
    if (this.#wasCongested && !this.congested) {
      this.#wasCongested = false;
      this.#sink.onDrained();
    }
    // onDrained may have queued more.
    if (this.#queuedBytes === 0) this.#sink.onEmpty();
  }

  /** Forgets what is queued and stops the clock. */
  close(): void {
    this.#state = 'closed';
    this.#pieces = [];
    this.#queuedBytes = 0;
    clearTimeout(this.#stallTimer);
  }

  #write(): 'empty' | 'progress' | 'blocked' | 'failed' {
    const first = this.#pieces[0];
    if (first === undefined) return 'empty';
    const bytes = this.#pieces.length === 1 ? first : Buffer.concat(this.#pieces);
    let sent: number;
    try {
      sent = this.#sink.write(bytes);
    } catch {
      // ECONNRESET or EPIPE: the reason makes no difference, a client that left needs no reply.
      return 'failed';
    }
    const takenBytes = sent === WOULD_BLOCK ? 0 : sent;
    this.#queuedBytes -= takenBytes;
    this.#pieces = takenBytes === bytes.length ? [] : [bytes.subarray(takenBytes)];
    if (this.#queuedBytes === 0) return 'empty';
    return takenBytes > 0 ? 'progress' : 'blocked';
  }

  #setBlocked(outcome: 'empty' | 'progress' | 'blocked'): void {
    if (outcome === 'empty') {
      if (this.#state === 'blocked') this.#sink.wantWritable(false);
      this.#state = 'idle';
      clearTimeout(this.#stallTimer);
      this.#stallTimer = undefined;
      return;
    }
    if (this.#state !== 'blocked') this.#sink.wantWritable(true);
    this.#state = 'blocked';
    // Only a blocked client has a timer, and progress starts it anew.
    if (outcome === 'progress') clearTimeout(this.#stallTimer);
    if (outcome === 'progress' || this.#stallTimer === undefined) {
      this.#stallTimer = setTimeout(() => {
        this.#sink.onFailed('stalled');
      }, this.#stallMs);
    }
  }
}
