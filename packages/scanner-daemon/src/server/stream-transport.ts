import { OwnedFd } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';
import { OutputQueue } from './output-queue.js';
import { DRAIN_MAX_BYTES, DRAIN_MAX_MS } from './server-config.js';
import type { CloseReason, Transport, TransportHandler } from './transport.js';
import type { TurnEnd } from './turn-end.js';

/**
 * What one connection gets before the others have their turn: PING waits behind uploads. Descriptors come one a receive, so
 * that many small receives are no long turn.
 */
const RECEIVES_PER_TURN = 64;
const BYTES_PER_TURN = 256 * 1024;
/** A receive shorter than this took all there was, unless it stopped at a descriptor. */
const FULL_RECEIVE_BYTES = 65_536;

const NO_FDS: readonly OwnedFd[] = [];
const NOTHING = Buffer.alloc(0);

type StreamState =
  | { readonly kind: 'open' }
  /** Closes once the output is with the kernel. */
  | { readonly kind: 'ending'; readonly drainMaxMs: number }
  /** The sending side is shut; what comes is dropped until the client closes or a bound is met. */
  | { readonly kind: 'draining'; readonly timer: NodeJS.Timeout; droppedBytes: number }
  | { readonly kind: 'closed' };

interface StreamOptions {
  readonly peerName: string;
  /**
   * Whether a reply that is still under way is lost when the socket closes with bytes of the client unread. TCP resets the
   * connection then (RFC 1122, 4.2.2.13); a Unix socket has delivered it by now.
   */
  readonly losesUnread: boolean;
  readonly turnEnd: TurnEnd;
  /** SendBufTimeout. */
  readonly stallMs: number;
}

/** A connection on a stream socket, through the native fence, since only recvmsg(2) brings descriptors. */
export class StreamTransport implements Transport {
  readonly peerName: string;
  readonly #losesUnread: boolean;
  readonly #native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>;
  readonly #socket: OwnedFd;
  readonly #output: OutputQueue;
  #poll: PollHandle | undefined;
  #handler: TransportHandler | undefined;
  #state: StreamState = { kind: 'open' };
  /** What is wanted, and what the poller was told: it hears of a pause only when it reports in vain. */
  #readable = false;
  #writable = false;
  #watched = { readable: true, writable: false };
  #ended = false;

  /** @param socket a connected, non-blocking stream socket; taken. */
  constructor(
    native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>,
    socket: OwnedFd,
    options: StreamOptions,
  ) {
    this.peerName = options.peerName;
    this.#losesUnread = options.losesUnread;
    this.#native = native;
    this.#socket = socket;
    this.#output = new OutputQueue(
      {
        write: (bytes) => this.#native.sockets.send(this.#socket.borrow(), bytes),
        wantWritable: (wanted) => {
          this.#writable = wanted;
          this.#tellPoller();
        },
        onEmpty: () => {
          if (this.#state.kind === 'ending') this.#finish(this.#state.drainMaxMs);
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
    this.#readable = true;
    this.#poll = this.#native.poller.watch(
      this.#socket.borrow(),
      { readable: true, writable: false },
      (events) => {
        // An error is told as readable, to whoever waits for anything: a writer meets it by writing.
        if (events.writable || !this.#watched.readable) this.#output.flush();
        if (!events.readable) return;
        if (this.#readable) this.#receiveAll();
        else this.#tellPoller();
      },
    );
  }

  get congested(): boolean {
    return this.#output.congested;
  }

  send(bytes: Buffer): void {
    this.#output.append(bytes);
  }

  pause(): void {
    this.#readable = false;
  }

  resume(): void {
    // The end of the stream stays readable for ever: after it nobody asks again.
    if (this.#state.kind !== 'open' || this.#ended) return;
    this.#readable = true;
    this.#tellPoller();
  }

  peerGone(): boolean {
    if (this.#state.kind === 'closed') return true;
    try {
      // An empty send fails where the peer has closed (unix(7)) or has broken off (TCP), not where it half-closed.
      // A TCP client that closed looks like a half-closed one until it is sent something.
      this.#native.sockets.send(this.#socket.borrow(), NOTHING);
      return false;
    } catch {
      return true;
    }
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

  #endWith(drainMaxMs: number): void {
    if (this.#state.kind !== 'open') return;
    this.#state = { kind: 'ending', drainMaxMs };
    this.#readable = false;
    this.#output.schedule();
  }

  #finish(drainMaxMs: number): void {
    const drainsForMs = drainMaxMs === 0 && this.#wouldLoseReply() ? DRAIN_MAX_MS : drainMaxMs;
    if (drainsForMs === 0 || this.#ended) {
      this.#close('ended');
      return;
    }
    try {
      this.#native.sockets.shutdownWrite(this.#socket.borrow());
    } catch {
      // ENOTCONN: the client was faster.
      this.#close('gone');
      return;
    }
    const timer = setTimeout(() => {
      this.#close('ended');
    }, drainsForMs);
    this.#state = { kind: 'draining', timer, droppedBytes: 0 };
    this.#readable = true;
    this.#tellPoller();
  }

  /** Whether the client has sent more than it was asked for, such as garbage behind its one command. */
  #wouldLoseReply(): boolean {
    if (!this.#losesUnread || this.#ended) return false;
    try {
      const message = this.#native.sockets.receive(this.#socket.borrow());
      if (message?.bytes.length === 0) this.#ended = true;
      return message !== undefined && !this.#ended;
    } catch {
      // The client broke off: nothing can be lost any more.
      return false;
    }
  }

  #tellPoller(): void {
    const wanted = { readable: this.#readable, writable: this.#writable };
    const { readable, writable } = this.#watched;
    if (this.#state.kind === 'closed' || (readable === wanted.readable && writable === wanted.writable))
      return;
    this.#watched = wanted;
    this.#poll?.want(wanted);
  }

  #receiveAll(): void {
    let turnBytes = 0;
    for (let receives = 0; receives < RECEIVES_PER_TURN && this.#readable; receives += 1) {
      const receivedBytes = this.#receiveOne();
      turnBytes += receivedBytes;
      if (receivedBytes === 0 || turnBytes >= BYTES_PER_TURN) return;
    }
  }

  /** @returns how many bytes came where there may be more; 0 = that is all for now. */
  #receiveOne(): number {
    let message;
    try {
      message = this.#native.sockets.receive(this.#socket.borrow());
    } catch {
      this.#close('gone');
      return 0;
    }
    if (message === undefined) return 0;
    const { bytes, fds } = message;
    const owned = fds.length === 0 ? NO_FDS : fds.map((fd) => new OwnedFd(this.#native.files, fd));
    if (this.#state.kind === 'draining') {
      for (const fd of owned) fd.close();
      this.#drop(this.#state, bytes.length);
      return bytes.length;
    }
    if (bytes.length === 0) {
      this.#ended = true;
      this.#readable = false;
      this.#handler?.onEnd();
      return 0;
    }
    this.#handler?.onBytes(bytes, owned);
    return owned.length > 0 || bytes.length >= FULL_RECEIVE_BYTES ? bytes.length : 0;
  }

  #drop(draining: StreamState & { kind: 'draining' }, receivedBytes: number): void {
    draining.droppedBytes += receivedBytes;
    if (receivedBytes === 0 || draining.droppedBytes > DRAIN_MAX_BYTES) this.#close('ended');
  }

  #close(reason: CloseReason): void {
    if (this.#state.kind === 'closed') return;
    if (this.#state.kind === 'draining') clearTimeout(this.#state.timer);
    this.#state = { kind: 'closed' };
    this.#readable = false;
    this.#output.close();
    this.#poll?.close();
    this.#socket.close();
    this.#handler?.onClosed(reason);
  }
}
