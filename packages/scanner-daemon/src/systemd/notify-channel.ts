import { WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';

/** Messages that wait for room in the service manager's socket; one more is dropped. */
const WAITING_MAX = 32;
/** How long after a full socket it is tried again, and how often before the messages are dropped. */
const RETRY_MS = 100;
const RETRIES_MAX = 100;
/** sun_path without its final NUL (unix(7)). */
const PATH_MAX_BYTES = 107;

/** Called when the service manager cannot be told; once, however many messages are lost. */
export type OnNotifyFailure = (error: unknown, what: string) => void;

/** Datagrams to `NOTIFY_SOCKET`, in order, without ever waiting or throwing. Owns its socket. */
export class NotifyChannel {
  readonly #native: Pick<NativeApi, 'sockets' | 'files'>;
  readonly #path: string;
  readonly #onFailure: OnNotifyFailure;
  readonly #waiting: Buffer[] = [];
  #socket: number | undefined;
  #retries = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #failureTold = false;

  /** @param path of the socket, or its abstract name behind an `@` (sd_notify(3)). */
  constructor(native: Pick<NativeApi, 'sockets' | 'files'>, path: string, onFailure: OnNotifyFailure) {
    this.#native = native;
    this.#path = path;
    this.#onFailure = onFailure;
    if (!/^[/@]/.test(path) || Buffer.byteLength(path) > PATH_MAX_BYTES) {
      this.#fail(new Error(`NOTIFY_SOCKET is not the path or abstract name of a Unix socket`));
      return;
    }
    try {
      this.#socket = native.sockets.createDatagram();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Sends assignments, one a line; waits with them, bounded, while the socket is full. */
  send(assignments: readonly string[]): void {
    if (this.#socket === undefined) return;
    const message = Buffer.from(assignments.join('\n'));
    if (this.#waiting.length === 0 && this.#trySend(message) !== 'full') return;
    if (this.#waiting.length >= WAITING_MAX) {
      this.#fail(new Error('its socket stays full'));
      return;
    }
    this.#waiting.push(message);
    this.#retryLater();
  }

  /** Sends a message that is worth nothing later; it is dropped while the socket is full. */
  sendOrDrop(assignment: string): void {
    if (this.#socket === undefined || this.#waiting.length > 0) return;
    this.#trySend(Buffer.from(assignment));
  }

  /** What still waits gets one last try. */
  close(): void {
    clearTimeout(this.#retryTimer);
    for (const message of this.#waiting.splice(0)) if (this.#trySend(message) === 'full') break;
    if (this.#socket === undefined) return;
    this.#native.files.close(this.#socket);
    this.#socket = undefined;
  }

  #trySend(message: Buffer): 'done' | 'full' {
    if (this.#socket === undefined) return 'done';
    try {
      return this.#native.sockets.sendTo(this.#socket, message, this.#path) === WOULD_BLOCK ? 'full' : 'done';
    } catch (error) {
      this.#fail(error);
      return 'done';
    }
  }

  #retryLater(): void {
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = undefined;
      this.#flush();
    }, RETRY_MS).unref();
  }

  #flush(): void {
    let next = this.#waiting[0];
    while (next !== undefined && this.#trySend(next) === 'done') {
      this.#waiting.shift();
      this.#retries = 0;
      next = this.#waiting[0];
    }
    if (next === undefined) return;
    this.#retries += 1;
    if (this.#retries <= RETRIES_MAX) {
      this.#retryLater();
      return;
    }
    this.#waiting.length = 0;
    this.#retries = 0;
    this.#fail(new Error('its socket stays full'));
  }

  #fail(error: unknown): void {
    if (this.#failureTold) return;
    this.#failureTold = true;
    this.#onFailure(error, "The service manager can't be notified");
  }
}
