import { isErrno, OwnedFd, WOULD_BLOCK } from '@portcullis/shared/native';
import type { PollHandle } from '@portcullis/shared/native';
import type { Listener, ListenerDeps } from './listener.js';

/** accept4(2) calls before the connections get their turn. */
const ACCEPTS_PER_TURN = 64;
/** Out of descriptors: accepting is tried again so much later. */
const RETRY_MS = 200;
/** While it goes on failing, it is said this often. */
const FAILURE_LOG_MS = 5000;

/**
 * A client that left again, and accept(2), Error handling: what the network reported about a connection that waited. The
 * next one may be well.
 */
const NEXT_MAY_BE_WELL = [
  'ECONNABORTED',
  'ENETDOWN',
  'EPROTO',
  'ENOPROTOOPT',
  'EHOSTDOWN',
  'ENONET',
  'EHOSTUNREACH',
  'ENETUNREACH',
] as const;

interface AcceptOptions {
  /** How the log calls this kind of listener (behaviour 2.5). */
  readonly label: 'LOCAL' | 'TCP';
  /** Takes a new connection. */
  readonly welcome: (socket: OwnedFd) => void;
  /** Called once, while the socket is still open. */
  readonly onClose?: () => void;
}

/** Accepts on one listening socket. While it is paused, connections wait in the kernel's backlog. */
export class AcceptLoop implements Listener {
  readonly #socket: OwnedFd;
  readonly #deps: ListenerDeps;
  readonly #options: AcceptOptions;
  readonly #poll: PollHandle;
  /** Accepts only when nothing speaks against it. */
  readonly #pauses = new Set<'server' | 'failure' | 'closed'>();
  #retryTimer: NodeJS.Timeout | undefined;
  /** Since the last line about them. */
  #failures = 0;
  #quietUntilMs = Number.NEGATIVE_INFINITY;

  /** @param socket listens and does not block; taken. */
  constructor(socket: OwnedFd, deps: ListenerDeps, options: AcceptOptions) {
    this.#socket = socket;
    this.#deps = deps;
    this.#options = options;
    const wanted = { readable: true, writable: false };
    this.#poll = deps.native.poller.watch(socket.borrow(), wanted, () => {
      this.#acceptAll();
    });
  }

  pause(): void {
    this.#pauseFor('server');
  }

  resume(): void {
    this.#goOnAfter('server');
  }

  close(): void {
    if (this.#pauses.has('closed')) return;
    this.#pauses.add('closed');
    clearTimeout(this.#retryTimer);
    this.#poll.close();
    this.#options.onClose?.();
    this.#socket.close();
  }

  #pauseFor(reason: 'server' | 'failure'): void {
    if (this.#pauses.size === 0) this.#poll.want({ readable: false, writable: false });
    this.#pauses.add(reason);
  }

  #goOnAfter(reason: 'server' | 'failure'): void {
    if (this.#pauses.delete(reason) && this.#pauses.size === 0) {
      this.#poll.want({ readable: true, writable: false });
    }
  }

  #acceptAll(): void {
    for (let accepts = 0; accepts < ACCEPTS_PER_TURN && this.#pauses.size === 0; accepts += 1) {
      if (!this.#acceptOne()) return;
    }
  }

  /** @returns whether there may be more. */
  #acceptOne(): boolean {
    const { sockets, files } = this.#deps.native;
    let fd: number;
    try {
      fd = sockets.accept(this.#socket.borrow());
    } catch (error) {
      if (NEXT_MAY_BE_WELL.some((code) => isErrno(error, code))) return true;
      // Out of descriptors or memory passes, with luck.
      this.#rest(error);
      return false;
    }
    if (fd === WOULD_BLOCK) return false;
    this.#options.welcome(new OwnedFd(files, fd));
    return true;
  }

  #rest(error: unknown): void {
    this.#failures += 1;
    const nowMs = performance.now();
    if (nowMs >= this.#quietUntilMs) {
      const times = this.#failures === 1 ? '' : ` (${this.#failures} times)`;
      this.#deps.log.fault(error, `${this.#options.label}: accept() failed${times}`);
      this.#failures = 0;
      this.#quietUntilMs = nowMs + FAILURE_LOG_MS;
    }
    this.#pauseFor('failure');
    this.#retryTimer = setTimeout(() => {
      this.#goOnAfter('failure');
    }, RETRY_MS);
  }
}
