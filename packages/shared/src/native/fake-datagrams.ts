import { systemError } from './fake-faults.js';
import type { FakeDescriptors, FakeReadiness, FakeWakeups, OpenDescription } from './fake-descriptors.js';
import type { FakeDisk, FakeInode } from './fake-disk.js';
import type { SocketDescription } from './native-api.js';

/** As net.unix.max_dgram_qlen: one more than this waits at a receiver. */
const DATAGRAMS_WAITING_MAX = 10;
/** As net.core.wmem_default, less the kernel's overhead. */
const DATAGRAM_BYTES_MAX = 212_000;

/** An AF_UNIX datagram socket (unix(7)). */
export class FakeDatagram implements OpenDescription {
  references = 0;
  readonly pollable = true;
  readonly description: SocketDescription = { family: 'unix', type: 'other', isListening: false };
  /** Undoes bind(2). */
  unbind: (() => void) | undefined;
  readonly #wakeups: FakeWakeups;
  readonly #incoming: Buffer[] = [];

  constructor(wakeups: FakeWakeups) {
    this.#wakeups = wakeups;
  }

  /** @returns false while the queue is full. */
  deliver(bytes: Uint8Array): boolean {
    if (this.#incoming.length > DATAGRAMS_WAITING_MAX) return false;
    this.#incoming.push(Buffer.from(bytes));
    this.#wakeups.notify();
    return true;
  }

  /** The oldest datagram, cut at `maxBytes` (the rest of it is lost); undefined when none waits. */
  receive(maxBytes: number): Buffer | undefined {
    return this.#incoming.shift()?.subarray(0, maxBytes);
  }

  readiness(): FakeReadiness {
    return { readable: this.#incoming.length > 0, writable: true, failed: false };
  }

  released(): void {
    this.unbind?.();
  }
}

/** A socket of which only its nature is known, such as one that a service manager made for us (sd_listen_fds(3)). */
export class FakeInheritedSocket implements OpenDescription {
  references = 0;
  readonly pollable = true;
  readonly description: SocketDescription;

  constructor(description: SocketDescription) {
    this.description = description;
  }

  readiness(): FakeReadiness {
    return { readable: false, writable: false, failed: false };
  }

  released(): void {
    // Nothing is behind it.
  }
}

/** Who receives under an abstract name, '@' included. */
export type FakeAbstractNames = Map<string, FakeDatagram>;

interface DatagramNetwork {
  readonly disk: FakeDisk;
  readonly descriptors: FakeDescriptors;
  /** Sockets bound to an inode, of any kind. */
  readonly bound: ReadonlyMap<FakeInode, unknown>;
  readonly abstractNames: FakeAbstractNames;
}

/** sendto(2). @returns the bytes sent, undefined while the receiver's queue is full. */
export function sendDatagram(network: DatagramNetwork, bytes: Uint8Array, path: string): number | undefined {
  const receiver = path.startsWith('@')
    ? network.abstractNames.get(path)
    : network.bound.get(network.disk.require(path, 'sendto'));
  if (receiver === undefined) throw systemError('sendto', 'ECONNREFUSED', { path });
  if (!(receiver instanceof FakeDatagram)) throw systemError('sendto', 'EPROTOTYPE', { path });
  if (bytes.byteLength > DATAGRAM_BYTES_MAX) throw systemError('sendto', 'EMSGSIZE', { path });
  return receiver.deliver(bytes) ? bytes.byteLength : undefined;
}
