import { WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { pauseMs, until } from './server-harness.js';

/** A client that says exactly what it is told, and keeps what it hears. */
export interface TestClient {
  /** Everything received so far, one character a byte. */
  readonly received: string;
  readonly closed: boolean;
  send(bytes: string | Buffer): void;
  halfClose(): void;
  close(): void;
  /** Waits until the server has closed. @returns everything received. */
  toEnd(): Promise<string>;
  /** Waits until so much text was received. */
  toHear(text: string): Promise<string>;
}

/** A client on the Unix socket that can pass descriptors. It takes no notice of anything while `deaf`. */
export class UnixClient implements TestClient {
  readonly #native: NativeApi;
  readonly #fd: number;
  #poll: PollHandle | undefined;
  #open = true;
  received = '';
  closed = false;

  constructor(native: NativeApi, socketPath: string, options: { deaf?: boolean } = {}) {
    this.#native = native;
    this.#fd = native.sockets.createUnix();
    try {
      if (native.sockets.connectUnix(this.#fd, socketPath) !== 'connected')
        throw new Error('the backlog is full');
    } catch (error) {
      native.files.close(this.#fd);
      throw error;
    }
    if (options.deaf !== true) this.listen();
  }

  listen(): void {
    this.#poll = this.#native.poller.watch(this.#fd, { readable: true, writable: false }, () => {
      this.#receive();
    });
  }

  send(bytes: string | Buffer): void {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    if (this.trySend(buffer) !== buffer.length) throw new Error('the socket took only a part');
  }

  trySend(bytes: Buffer): number {
    return this.#native.sockets.send(this.#fd, bytes);
  }

  sendWithFd(bytes: string, passedFd: number): void {
    if (this.#native.sockets.sendWithFd(this.#fd, Buffer.from(bytes, 'latin1'), passedFd) === WOULD_BLOCK) {
      throw new Error('the socket is full');
    }
  }

  halfClose(): void {
    this.#native.sockets.shutdownWrite(this.#fd);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#poll?.close();
    this.#native.files.close(this.#fd);
  }

  async toEnd(): Promise<string> {
    await until(() => this.closed, `the end (heard ${JSON.stringify(this.received)})`);
    this.close();
    return this.received;
  }

  async toHear(text: string): Promise<string> {
    await until(() => this.received.includes(text), `${text} (heard ${JSON.stringify(this.received)})`);
    return this.received;
  }

  #receive(): void {
    try {
      const message = this.#native.sockets.receive(this.#fd);
      if (message === undefined) return;
      this.received += message.bytes.toString('latin1');
      if (message.bytes.length > 0) return;
    } catch {
      this.received += '<reset>';
    }
    this.closed = true;
    this.#poll?.want({ readable: false, writable: false });
  }
}

/** A client on the TCP port. */
export class TcpClient implements TestClient {
  readonly #socket: Socket;
  received = '';
  closed = false;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.#socket.on('data', (bytes) => {
      this.received += bytes.toString('latin1');
    });
    this.#socket.on('error', () => {
      this.received += '<reset>';
      this.closed = true;
    });
    this.#socket.on('end', () => {
      this.closed = true;
    });
  }

  send(bytes: string | Buffer): void {
    this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  halfClose(): void {
    this.#socket.end();
  }

  close(): void {
    this.#socket.destroy();
  }

  async toEnd(): Promise<string> {
    await until(() => this.closed, `the end (heard ${JSON.stringify(this.received)})`);
    this.close();
    return this.received;
  }

  async toHear(text: string): Promise<string> {
    await until(() => this.received.includes(text), `${text} (heard ${JSON.stringify(this.received)})`);
    return this.received;
  }
}

/** A chunk of INSTREAM. */
export function chunk(lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(4 + lengthBytes, 'a');
  bytes.writeUInt32BE(lengthBytes, 0);
  return bytes;
}

/** Sends all of it, as fast as the server takes it. */
export async function sendAll(client: UnixClient, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const taken = client.trySend(bytes.subarray(at));
    if (taken > 0) at += taken;
    else await pauseMs(1);
  }
}
