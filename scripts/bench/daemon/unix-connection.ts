import { WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';
import { describeFailure } from '../bench-error.js';
import { ReplyCollector } from './daemon-connection.js';
import type { Connect, ConnectionHandler, DaemonConnection } from './daemon-connection.js';

/** The command and the byte behind it that the descriptor travels with (behaviour 1.7). */
const fildes = Buffer.from('zFILDES\0\0', 'latin1');
const connectRetryMs = 1;
/** Backlog full for so long: the daemon hangs. */
const connectRetriesMax = 10_000;

/** Connects through the native fence, which costs a generator a fraction of node:net and can pass descriptors. */
export function createUnixConnect(native: NativeApi, path: string): Connect {
  return (handler) => new UnixConnection(native, path, handler);
}

class UnixConnection implements DaemonConnection {
  readonly #native: NativeApi;
  readonly #path: string;
  readonly #handler: ConnectionHandler;
  readonly #replies: ReplyCollector;
  readonly #fd: number;
  #poll: PollHandle | undefined;
  #unsent: readonly Uint8Array[] = [];
  #passedFd: number | undefined;
  #isWaitingToWrite = false;
  #isClosed = false;
  #retries = 0;

  constructor(native: NativeApi, path: string, handler: ConnectionHandler) {
    this.#native = native;
    this.#path = path;
    this.#handler = handler;
    this.#replies = new ReplyCollector(handler.onReply);
    this.#fd = native.sockets.createUnix();
    this.#connect();
  }

  send(parts: readonly Uint8Array[]): void {
    this.#unsent = this.#unsent.length === 0 ? parts : [...this.#unsent, ...parts];
    if (this.#poll !== undefined)
      this.#guard(() => {
        this.#flush();
      });
  }

  passFd(fd: number): void {
    this.#passedFd = fd;
    if (this.#poll !== undefined)
      this.#guard(() => {
        this.#flush();
      });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#poll?.close();
    this.#native.files.close(this.#fd);
  }

  #connect(): void {
    if (this.#isClosed) return;
    this.#guard(() => {
      if (this.#native.sockets.connectUnix(this.#fd, this.#path) === 'inProgress') {
        this.#retries += 1;
        if (this.#retries > connectRetriesMax) throw new Error('the backlog stays full');
        setTimeout(() => {
          this.#connect();
        }, connectRetryMs);
        return;
      }
      this.#poll = this.#native.poller.watch(this.#fd, { readable: true, writable: false }, (ready) => {
        this.#guard(() => {
          if (ready.writable) this.#flush();
          if (ready.readable) this.#receive();
        });
      });
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#unsent.length > 0) {
      const [part, ...rest] = this.#unsent;
      const sent = part === undefined ? 0 : this.#native.sockets.send(this.#fd, part);
      if (sent === WOULD_BLOCK) {
        this.#wantWritable(true);
        return;
      }
      const left = part?.subarray(sent);
      this.#unsent = left === undefined || left.length === 0 ? rest : [left, ...rest];
    }
    if (this.#passedFd !== undefined) {
      const sent = this.#native.sockets.sendWithFd(this.#fd, fildes, this.#passedFd);
      if (sent === WOULD_BLOCK) {
        this.#wantWritable(true);
        return;
      }
      this.#passedFd = undefined;
    }
    this.#wantWritable(false);
  }

  #wantWritable(writable: boolean): void {
    if (this.#isWaitingToWrite === writable) return;
    this.#isWaitingToWrite = writable;
    this.#poll?.want({ readable: true, writable });
  }

  #receive(): void {
    if (this.#isClosed) return;
    const message = this.#native.sockets.receive(this.#fd);
    if (message === undefined) return;
    if (message.bytes.length === 0) throw new Error('the daemon closed the connection');
    this.#replies.push(message.bytes);
  }

  #guard(act: () => void): void {
    if (this.#isClosed) return;
    try {
      act();
    } catch (failure) {
      this.close();
      this.#handler.onFailure(describeFailure(failure));
    }
  }
}
