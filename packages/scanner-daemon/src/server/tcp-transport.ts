import type { Socket } from 'node:net';
import { WOULD_BLOCK } from '@portcullis/shared/native';
import { OutputQueue } from './output-queue.js';
import { DRAIN_MAX_BYTES } from './server-config.js';
import type { CloseReason, Transport, TransportHandler } from './transport.js';
import type { TurnEnd } from './turn-end.js';

/**
 * A client whose machine vanished is noticed half a minute after its last word: so long until the first probe, then ten
 * of them, a second apart (libuv). One that half-closed cannot be told from one that closed until it is sent something;
 * it gets its answer (behaviour 1.1), and what it asked for runs to its end, at most MaxScanTime a file.
 */
const KEEPALIVE_AFTER_MS = 20_000;

type TcpState =
  | { readonly kind: 'open' }
  /** Goes on once libuv has handed the last write to the kernel, for which the client has `timer`. */
  | { readonly kind: 'ending'; readonly drainMaxMs: number; timer: NodeJS.Timeout | undefined }
  /** The sending side is shut (or about to be); what comes is dropped until a bound is met. */
  | { readonly kind: 'closing'; readonly timer: NodeJS.Timeout; droppedBytes: number }
  | { readonly kind: 'closed' };

/** A TCP connection. No descriptors ever come with its bytes. */
export class TcpTransport implements Transport {
  readonly peerName: string;
  readonly #socket: Socket;
  readonly #output: OutputQueue;
  #handler: TransportHandler | undefined;
  #state: TcpState = { kind: 'open' };
  /** One write is with libuv at a time, so that what waits behind it is counted and bounded here. */
  #writing = false;
  #writes: 'none' | 'first' | 'undelayed' = 'none';
  #isKeptAlive = false;
  #ended = false;

  /** @param socket taken; accepted with `allowHalfOpen` and `pauseOnConnect`. */
  constructor(socket: Socket, options: { turnEnd: TurnEnd; stallMs: number }) {
    this.#socket = socket;
    this.peerName = peerNameOf(socket);
    this.#output = new OutputQueue(
      {
        write: (bytes) => this.#write(bytes),
        wantWritable: () => undefined,
        onEmpty: () => {
          if (this.#state.kind === 'ending') this.#endOnceWritten(this.#state, options.stallMs);
        },
        onDrained: () => this.#handler?.onDrained(),
        onFailed: (reason) => {
          this.#close(reason);
        },
      },
      options,
    );
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    this.#socket.on('data', (bytes: Buffer) => {
      if (this.#state.kind === 'closing') this.#drop(this.#state, bytes.length);
      else if (this.#state.kind === 'open') handler.onBytes(bytes, []);
    });
    this.#socket.on('end', () => {
      this.#ended = true;
      if (this.#state.kind === 'closing') this.#close('ended');
      else if (this.#state.kind === 'open') handler.onEnd();
    });
    this.#socket.on('error', () => {
      this.#close('gone');
    });
    this.#socket.on('close', () => {
      this.#close('gone');
    });
    this.#socket.resume();
  }

  get congested(): boolean {
    return this.#output.congested;
  }

  send(bytes: Buffer): void {
    this.#output.append(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#state.kind === 'open' && this.#socket.isPaused()) this.#socket.resume();
  }

  peerGone(): boolean {
    // Asked of connections that wait for us. On all others a clock of their own runs, so they are spared the system call.
    if (!this.#isKeptAlive) this.#socket.setKeepAlive(true, KEEPALIVE_AFTER_MS);
    this.#isKeptAlive = true;
    // A closed TCP peer looks like a half-closed one until it is sent something.
    return this.#socket.destroyed;
  }

  end(): void {
    this.#endWith(0);
  }

  endAfterDraining(drainMaxMs: number): void {
    this.#endWith(drainMaxMs);
  }

  destroy(): void {
    this.#close('ended');
  }

  #write(bytes: Buffer): number {
    if (this.#writing) return WOULD_BLOCK;
    this.#writing = true;
    this.#sendUndelayed();
    this.#socket.write(bytes, () => {
      this.#writing = false;
      this.#output.flush();
    });
    return bytes.length;
  }

  /** tcp(7), TCP_NODELAY: a first write is never held back, and most connections see no second. */
  #sendUndelayed(): void {
    if (this.#writes === 'first') this.#socket.setNoDelay(true);
    this.#writes = this.#writes === 'none' ? 'first' : 'undelayed';
  }

  #endWith(drainMaxMs: number): void {
    if (this.#state.kind !== 'open') return;
    this.#state = { kind: 'ending', drainMaxMs, timer: undefined };
    this.#socket.pause();
    this.#output.schedule();
  }

  #endOnceWritten(ending: TcpState & { kind: 'ending' }, stallMs: number): void {
    if (!this.#writing) {
      clearTimeout(ending.timer);
      this.#finish(ending.drainMaxMs);
      return;
    }
    ending.timer ??= setTimeout(() => {
      this.#close('stalled');
    }, stallMs);
  }

  #finish(drainMaxMs: number): void {
    if (drainMaxMs === 0 || this.#ended) {
      // The kernel has it all, and sends the end of the stream behind it.
      this.#close('ended');
      return;
    }
    const timer = setTimeout(() => {
      this.#close('ended');
    }, drainMaxMs);
    this.#state = { kind: 'closing', timer, droppedBytes: 0 };
    this.#socket.end();
    this.#socket.resume();
  }

  #drop(closing: TcpState & { kind: 'closing' }, receivedBytes: number): void {
    closing.droppedBytes += receivedBytes;
    if (closing.droppedBytes > DRAIN_MAX_BYTES) this.#close('ended');
  }

  #close(reason: CloseReason): void {
    if (this.#state.kind === 'closed') return;
    if (this.#state.kind === 'closing' || this.#state.kind === 'ending') clearTimeout(this.#state.timer);
    this.#state = { kind: 'closed' };
    this.#output.close();
    this.#socket.destroy();
    this.#handler?.onClosed(reason);
  }
}

/** clamd names IPv6 peers `local` too (behaviour 2.8); here they are told apart. */
function peerNameOf(socket: Socket): string {
  return `${socket.remoteAddress ?? 'unknown'}@${socket.remotePort ?? 0}`;
}
