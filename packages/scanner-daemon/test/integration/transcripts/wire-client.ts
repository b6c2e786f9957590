import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { isErrno, WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';
import { pauseMs } from '../server-harness.js';

const SEND_MAX_MS = 5000;
/** The native fence passes one descriptor with at most so many bytes; Python does the rest. */
const NATIVE_SEND_BYTES_MAX = 64;
const PYTHON_SENDER = [
  'import array, socket, sys',
  'sender = socket.socket(fileno=3)',
  "fds = array.array('i', range(4, 4 + int(sys.argv[2])))",
  'sender.sendmsg([bytes.fromhex(sys.argv[1])], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])',
  'sender.detach()',
].join('\n');

/** A client that keeps every byte and sees how the connection ends. What cannot be sent any more is dropped. */
export interface WireClient {
  /** One character a byte. */
  readonly received: string;
  readonly ended: 'eof' | 'reset' | 'open';
  send(bytes: Buffer): Promise<void>;
  /** One message. Borrows the descriptors. */
  sendWithFds(bytes: Buffer, fds: readonly number[]): Promise<void>;
  halfClose(): void;
  close(): void;
}

export class UnixWireClient implements WireClient {
  readonly #native: NativeApi;
  readonly #fd: number;
  readonly #poll: PollHandle;
  received = '';
  ended: 'eof' | 'reset' | 'open' = 'open';

  constructor(native: NativeApi, socketPath: string) {
    this.#native = native;
    this.#fd = native.sockets.createUnix();
    if (native.sockets.connectUnix(this.#fd, socketPath) !== 'connected') {
      native.files.close(this.#fd);
      throw new Error('the backlog is full');
    }
    this.#poll = native.poller.watch(this.#fd, { readable: true, writable: false }, () => {
      this.#receive();
    });
  }

  async send(bytes: Buffer): Promise<void> {
    const deadlineAtMs = performance.now() + SEND_MAX_MS;
    for (let at = 0; at < bytes.length && performance.now() < deadlineAtMs;) {
      const sent = orGone(() => this.#native.sockets.send(this.#fd, bytes.subarray(at)));
      if (sent === undefined) return;
      if (sent === WOULD_BLOCK) await pauseMs(5);
      else at += sent;
    }
  }

  async sendWithFds(bytes: Buffer, fds: readonly number[]): Promise<void> {
    const [fd] = fds;
    if (fd !== undefined && fds.length === 1 && bytes.length <= NATIVE_SEND_BYTES_MAX) {
      orGone(() => this.#native.sockets.sendWithFd(this.#fd, bytes, fd));
      return;
    }
    await sendFromPython(this.#fd, bytes, fds);
  }

  halfClose(): void {
    orGone(() => {
      this.#native.sockets.shutdownWrite(this.#fd);
    });
  }

  close(): void {
    this.#poll.close();
    this.#native.files.close(this.#fd);
  }

  #receive(): void {
    try {
      const message = this.#native.sockets.receive(this.#fd);
      if (message === undefined) return;
      this.received += message.bytes.toString('latin1');
      if (message.bytes.length > 0) return;
      this.ended = 'eof';
    } catch (error) {
      if (!isErrno(error, 'ECONNRESET')) throw error;
      this.ended = 'reset';
    }
    this.#poll.want({ readable: false, writable: false });
  }
}

export class TcpWireClient implements WireClient {
  readonly #socket: Socket;
  received = '';
  ended: 'eof' | 'reset' | 'open' = 'open';

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.#socket.on('data', (bytes) => {
      this.received += bytes.toString('latin1');
    });
    this.#socket.on('error', () => {
      this.ended = 'reset';
    });
    this.#socket.on('end', () => {
      this.ended = 'eof';
    });
  }

  send(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#socket.writable) resolve();
      else
        this.#socket.write(bytes, () => {
          resolve();
        });
    });
  }

  sendWithFds(): Promise<void> {
    return Promise.reject(new Error('TCP passes no descriptors'));
  }

  halfClose(): void {
    this.#socket.end();
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** undefined when the other side is gone, which is for `ended` to tell. */
function orGone<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (isErrno(error, 'EPIPE') || isErrno(error, 'ECONNRESET') || isErrno(error, 'ENOTCONN'))
      return undefined;
    throw error;
  }
}

function sendFromPython(socket: number, bytes: Buffer, fds: readonly number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const args = ['-c', PYTHON_SENDER, bytes.toString('hex'), String(fds.length)];
    const python = spawn('python3', args, { stdio: ['ignore', 'ignore', 'pipe', socket, ...fds] });
    let stderr = '';
    python.stderr?.on('data', (text: Buffer) => (stderr += text.toString()));
    python.on('error', reject);
    python.on('close', (code) => {
      if (code === 0 || stderr.includes('BrokenPipeError')) resolve();
      else reject(new Error(stderr));
    });
  });
}
