import { sameKey } from './file-key.js';
import type { FileKey } from './file-key.js';

/** An event as the kernel delivered it, before anything is known of it. */
export interface ArrivedEvent {
  readonly fd: number;
  readonly group: number;
  readonly pid: number;
}

/** One event in this gate's hands: somebody's open, waiting for an answer. */
export class HeldEvent implements ArrivedEvent {
  readonly fd: number;
  readonly group: number;
  readonly pid: number;
  readonly slot: number;
  readonly flight: Flight;
  /** Monotonic; past it the failure table decides. */
  readonly deadlineAtMs: number;
  /** Answered, or lost to another gate: the fd is no longer this gate's. */
  settled = false;

  constructor(arrived: ArrivedEvent, slot: number, flight: Flight, deadlineAtMs: number) {
    this.fd = arrived.fd;
    this.group = arrived.group;
    this.pid = arrived.pid;
    this.slot = slot;
    this.flight = flight;
    this.deadlineAtMs = deadlineAtMs;
  }
}

/** One scan under way, and all the opens of the same content version that wait for it (single flight). */
export class Flight {
  /** The version that is scanned, as it was before the scan. */
  readonly key: FileKey;
  /** The cache's generation when the scan began: its verdict may be kept only under the same one. */
  readonly generation: number;
  readonly waiters: HeldEvent[] = [];
  /** Cleared when somebody who could write has closed the file during the scan. */
  keepable = true;

  constructor(key: FileKey, generation: number) {
    this.key = key;
    this.generation = generation;
  }

  /** The descriptor to scan: that of any open still waiting; -1 when none does. */
  get fd(): number {
    for (const waiter of this.waiters) if (!waiter.settled) return waiter.fd;
    return -1;
  }
}

/** The scans under way, found by what they scan. */
export class Flights {
  /** By inode number as a double: two inodes may share it, so each holds a list and the whole key decides. */
  readonly #byInode = new Map<number, Flight[]>();

  find(key: FileKey): Flight | undefined {
    return this.#byInode.get(inodeNumber(key))?.find((flight) => sameKey(flight.key, key));
  }

  add(flight: Flight): void {
    const number = inodeNumber(flight.key);
    const sameNumber = this.#byInode.get(number);
    if (sameNumber === undefined) this.#byInode.set(number, [flight]);
    else sameNumber.push(flight);
  }

  /** The file was closed by somebody who could write: what is being scanned of it may be stale before it is known. */
  spoil(key: FileKey): void {
    for (const flight of this.#byInode.get(inodeNumber(key)) ?? []) flight.keepable = false;
  }

  /** The second removal of a flight does nothing. */
  remove(flight: Flight): void {
    const number = inodeNumber(flight.key);
    const sameNumber = this.#byInode.get(number);
    if (sameNumber === undefined) return;
    const at = sameNumber.indexOf(flight);
    if (at >= 0) sameNumber.splice(at, 1);
    if (sameNumber.length === 0) this.#byInode.delete(number);
  }

  get size(): number {
    return this.#byInode.size;
  }
}

function inodeNumber(key: FileKey): number {
  return key.inodeHigh * 0x1_0000_0000 + key.inodeLow;
}
