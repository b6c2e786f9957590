import { sameKey } from './file-key.js';
import type { FileKey } from './file-key.js';

/** One event in this gate's hands: somebody's open, waiting for an answer. */
export interface HeldEvent {
  readonly slot: number;
  readonly fd: number;
  readonly group: number;
  readonly pid: number;
  /** Monotonic; past it the failure table decides. */
  readonly deadlineAtMs: number;
  readonly flight: Flight;
  /** Answered, or lost to another gate: the fd is no longer this gate's. */
  settled: boolean;
}

/** One scan under way, and all the opens of the same content version that wait for it (single flight). */
export class Flight {
  readonly key: FileKey;
  /** The cache's generation when the scan began: its verdict may be kept only under the same one. */
  readonly generation: number;
  readonly waiters: HeldEvent[] = [];

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
