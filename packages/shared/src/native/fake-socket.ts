import { systemError } from './fake-faults.js';
import type { FakeDescriptors, FakeReadiness, FakeWakeups, OpenDescription } from './fake-descriptors.js';
import type { PeerCredentials, TcpAddress } from './native-api.js';
import type { NativeError } from './native-error.js';

/** One send: its bytes and the description that travels with the first of them. */
interface Message {
  bytes: Buffer;
  passed: OpenDescription | undefined;
}

/** What every socket of a fake shares. */
export interface FakeNetwork {
  readonly descriptors: FakeDescriptors;
  readonly wakeups: FakeWakeups;
  /** How much may wait at a receiver. Bytes, without the kernel's overhead per message. */
  readonly sendBufferBytes: number;
}

type SocketState =
  | { readonly name: 'fresh' }
  | {
      readonly name: 'listening';
      backlog: number;
      readonly waiting: FakeSocket[];
      readonly owner: PeerCredentials;
    }
  | { readonly name: 'connected'; readonly peer: FakeSocket; readonly credentials: PeerCredentials };

/** A stream socket: AF_UNIX (unix(7)), or TCP where it has addresses. */
export class FakeSocket implements OpenDescription {
  references = 0;
  readonly pollable = true;
  state: SocketState = { name: 'fresh' };
  /** Undoes bind(2). */
  unbind: (() => void) | undefined;
  addresses: { readonly local: TcpAddress; readonly peer: TcpAddress | undefined } | undefined;
  /** A connect(2) that is under way, and what it came to where that was no connection (SO_ERROR). */
  connecting: { readonly failure: NativeError | undefined } | undefined;
  readonly #network: FakeNetwork;
  readonly #incoming: Message[] = [];
  #incomingBytes = 0;
  /** We said that we send no more. */
  #sendEnded = false;
  /** The other end said so, or is gone. */
  #receiveEnded = false;
  #peerClosed = false;
  /** The other end closed with bytes of ours unread: told once, by the first receive that finds nothing else. */
  #resetPending = false;

  constructor(network: FakeNetwork) {
    this.#network = network;
  }

  listen(backlog: number, owner: PeerCredentials): void {
    if (this.state.name === 'listening') this.state.backlog = backlog;
    else if (this.unbind === undefined || this.state.name !== 'fresh') throw systemError('listen', 'EINVAL');
    else this.state = { name: 'listening', backlog, waiting: [], owner };
  }

  /** Connects `client` to this listener. @returns false when the backlog is full (one more than asked fits, as in Linux). */
  admit(client: FakeSocket, credentials: PeerCredentials): boolean {
    if (client.state.name === 'connected') throw systemError('connect', 'EISCONN');
    if (client.state.name === 'listening') throw systemError('connect', 'EINVAL');
    if (this.state.name !== 'listening') throw systemError('connect', 'ECONNREFUSED');
    if (this.state.waiting.length > this.state.backlog) return false;
    const server = new FakeSocket(this.#network);
    const { addresses } = client;
    if (addresses?.peer !== undefined) server.addresses = { local: addresses.peer, peer: addresses.local };
    server.state = { name: 'connected', peer: client, credentials };
    client.state = { name: 'connected', peer: server, credentials: this.state.owner };
    this.state.waiting.push(server);
    this.#network.wakeups.notify();
    return true;
  }

  /** The oldest connection nobody has accepted. */
  nextWaiting(): FakeSocket | undefined {
    if (this.state.name !== 'listening') throw systemError('accept4', 'EINVAL');
    return this.state.waiting[0];
  }

  takeWaiting(): FakeSocket | undefined {
    return this.state.name === 'listening' ? this.state.waiting.shift() : undefined;
  }

  /** @returns the bytes taken, 0 when there is no room for one. */
  send(syscall: string, bytes: Uint8Array, passed?: OpenDescription): number {
    if (this.state.name !== 'connected') throw systemError(syscall, 'ENOTCONN');
    if (this.#sendEnded || this.#peerClosed) throw systemError(syscall, 'EPIPE');
    const { peer } = this.state;
    const taken = Math.min(bytes.byteLength, this.#network.sendBufferBytes - peer.#incomingBytes);
    if (taken === 0) return 0;
    if (passed !== undefined) this.#network.descriptors.retain(passed);
    peer.#incoming.push({ bytes: Buffer.from(bytes.subarray(0, taken)), passed });
    peer.#incomingBytes += taken;
    this.#network.wakeups.notify();
    return taken;
  }

  /**
   * As recvmsg(2): sends are joined up to `maxBytes`, but never beyond one that carries a descriptor (unix(7):
   * ancillary data forms a barrier). Empty bytes: end of stream; undefined: nothing there.
   */
  receive(syscall: string, maxBytes: number): { bytes: Buffer; passed: OpenDescription[] } | undefined {
    if (this.state.name !== 'connected') throw systemError(syscall, 'EINVAL');
    if (this.#incoming.length === 0) return this.#receiveFromEmpty(syscall);
    const parts: Buffer[] = [];
    const passed: OpenDescription[] = [];
    let room = maxBytes;
    while (room > 0 && passed.length === 0) {
      const message = this.#incoming[0];
      if (message === undefined) break;
      const part = message.bytes.subarray(0, room);
      parts.push(part);
      room -= part.length;
      if (message.passed !== undefined) passed.push(message.passed);
      message.passed = undefined;
      message.bytes = message.bytes.subarray(part.length);
      if (message.bytes.length === 0) this.#incoming.shift();
    }
    this.#incomingBytes -= maxBytes - room;
    this.#network.wakeups.notify();
    return { bytes: Buffer.concat(parts), passed };
  }

  /** Drops descriptors that nobody took. */
  discard(passed: readonly OpenDescription[]): void {
    for (const description of passed) this.#network.descriptors.release(description);
  }

  shutdownWrite(): void {
    this.#sendEnded = true;
    if (this.state.name === 'connected') this.state.peer.#receiveEnded = true;
    this.#network.wakeups.notify();
  }

  shutdownBoth(): void {
    this.shutdownWrite();
    this.#receiveEnded = true;
    if (this.state.name === 'connected') this.state.peer.#sendEnded = true;
  }

  readiness(): FakeReadiness {
    switch (this.state.name) {
      case 'fresh': {
        const failed = this.connecting?.failure !== undefined;
        return { readable: failed, writable: failed || this.connecting === undefined, failed };
      }
      case 'listening':
        return { readable: this.state.waiting.length > 0, writable: false, failed: false };
      case 'connected': {
        // unix_writable(): room for a sender is told only while three quarters of it are free.
        const roomy = this.state.peer.#incomingBytes * 4 <= this.#network.sendBufferBytes;
        const readable = this.#incoming.length > 0 || this.#receiveEnded;
        return { readable, writable: roomy || this.#peerClosed, failed: this.#resetPending };
      }
    }
  }

  released(): void {
    this.unbind?.();
    if (this.state.name === 'listening')
      for (const server of this.state.waiting) server.#hangUp({ reset: true });
    this.#hangUp({ reset: this.#incoming.length > 0 });
    for (const { passed } of this.#incoming) if (passed !== undefined) this.discard([passed]);
    this.#incoming.length = 0;
    this.#network.wakeups.notify();
  }

  #receiveFromEmpty(syscall: string): { bytes: Buffer; passed: OpenDescription[] } | undefined {
    if (this.#resetPending) {
      this.#resetPending = false;
      throw systemError(syscall, 'ECONNRESET');
    }
    return this.#receiveEnded ? { bytes: Buffer.alloc(0), passed: [] } : undefined;
  }

  #hangUp({ reset }: { reset: boolean }): void {
    if (this.state.name !== 'connected') return;
    const { peer } = this.state;
    peer.#receiveEnded = true;
    peer.#peerClosed = true;
    peer.#resetPending = reset;
  }
}
