import { sameKey } from './file-key.js';
import type { FailureCause } from '../policy/decide.js';
import type { EventKind, EventSlots } from './event-slots.js';
import type { FileKey } from './file-key.js';

/** An event as the kernel delivered it, before anything is known of it. */
export interface ArrivedEvent {
  readonly fd: number;
  readonly group: number;
  readonly pid: number;
}

/** An event to be judged. */
export interface JudgedEvent extends ArrivedEvent {
  readonly kind: EventKind;
  /** Of one that was taken over: when it came to the gate that had it first; monotonic. */
  readonly arrivedAtMs?: number;
}

/** One event in this gate's hands: somebody's open, waiting for an answer, or a written file, waiting for its scan. */
export class HeldEvent implements JudgedEvent {
  readonly fd: number;
  readonly group: number;
  readonly pid: number;
  readonly kind: EventKind;
  readonly slot: number;
  readonly flight: Flight;
  readonly arrivedAtMs: number;
  /** Monotonic; past it the failure table decides. `Infinity` while the scan of a written file has not begun. */
  deadlineAtMs = Infinity;
  /** Answered, or lost to another gate: the fd is no longer this gate's. */
  settled = false;

  constructor(arrived: JudgedEvent, slot: number, flight: Flight, arrivedAtMs: number) {
    this.arrivedAtMs = arrivedAtMs;
    this.fd = arrived.fd;
    this.group = arrived.group;
    this.pid = arrived.pid;
    this.kind = arrived.kind;
    this.slot = slot;
    this.flight = flight;
  }
}

/**
 * Where a flight stands: `queued` behind other scans of written files, at the daemon, pausing between two tries after a
 * failure, or over.
 */
export type FlightPhase =
  | { readonly kind: 'queued' | 'scanning' | 'over' }
  | { readonly kind: 'pausing'; readonly cause: FailureCause; readonly untilMs: number };

const QUEUED: FlightPhase = { kind: 'queued' };

/** What is known of a file when its scan begins. */
export interface FlightFile {
  /** The version that is scanned, as it was before the scan. */
  readonly key: FileKey;
  /** Nobody could be writing to it: others may join. */
  readonly isQuiet: boolean;
  readonly keepable: boolean;
  /** The mount that its verdict holds for; 0: any. */
  readonly mount: number;
}

/** One scan under way, and all the opens of the same content version that wait for it (single flight). */
export class Flight {
  /** The version that is scanned, as it was before the scan. */
  readonly key: FileKey;
  readonly isQuiet: boolean;
  readonly mount: number;
  /** The cache's generation when the scan began: its verdict may be kept only under the same one. */
  readonly generation: number;
  readonly waiters: HeldEvent[] = [];
  /** Whether its verdict may be kept; cleared when somebody who could write has closed the file during the scan. */
  keepable: boolean;
  /** Tries that are left after a failure. */
  retriesLeft: number;
  phase = QUEUED;
  /** It was begun for nobody who waits, and counts among those until it is over. */
  isExtra = false;
  readonly #slots: EventSlots;
  #lender: HeldEvent | undefined;

  constructor(
    file: FlightFile,
    options: { readonly generation: number; readonly slots: EventSlots; readonly retriesLeft: number },
  ) {
    this.key = file.key;
    this.isQuiet = file.isQuiet;
    this.mount = file.mount;
    this.keepable = file.keepable;
    this.generation = options.generation;
    this.retriesLeft = options.retriesLeft;
    this.#slots = options.slots;
  }

  /**
   * The descriptor to scan: that of any open that is still this gate's to answer, held fast until {@link returnFd}. -1 when there
   * is none.
   */
  borrowFd(): number {
    for (const waiter of this.waiters) {
      if (waiter.settled) continue;
      if (this.#slots.resume(waiter.slot)) {
        this.#lender = waiter;
        return waiter.fd;
      }
      waiter.settled = true;
      this.#slots.release(waiter.slot);
    }
    return -1;
  }

  returnFd(): void {
    if (this.#lender !== undefined) this.#slots.park(this.#lender.slot);
    this.#lender = undefined;
  }

  /** Whether anybody still waits here. */
  get isAwaited(): boolean {
    return this.waiters.some((waiter) => !waiter.settled);
  }

  /** When the last of those who still wait is decided at the latest; `-Infinity` when nobody waits. */
  get lastDeadlineMs(): number {
    let lastMs = -Infinity;
    for (const { settled, deadlineAtMs } of this.waiters)
      if (!settled) lastMs = Math.max(lastMs, deadlineAtMs);
    return lastMs;
  }
}

/** The scans under way, found by what they scan. */
export class Flights {
  /** By inode number as a double: two inodes may share it, so each holds a list and the whole key decides. */
  readonly #byInode = new Map<number, Flight[]>();

  /**
   * A flight that an open may join if nobody can be writing to the file now either: of this very version, begun while nobody
   * could, and with the signatures in force.
   */
  find(key: FileKey, generation: number): Flight | undefined {
    const sameNumber = this.#byInode.get(inodeNumber(key));
    return sameNumber?.find(
      (flight) => flight.isQuiet && flight.generation === generation && sameKey(flight.key, key),
    );
  }

  add(flight: Flight): void {
    const number = inodeNumber(flight.key);
    const sameNumber = this.#byInode.get(number);
    if (sameNumber === undefined) this.#byInode.set(number, [flight]);
    else sameNumber.push(flight);
  }

  /** The file was closed by somebody who could write: its scans under way are stale, and nobody joins them any more. */
  spoil(key: FileKey): void {
    const number = inodeNumber(key);
    for (const flight of this.#byInode.get(number) ?? []) flight.keepable = false;
    this.#byInode.delete(number);
  }

  /** As {@link spoil}, for all: which files were written is unknown. */
  spoilAll(): void {
    for (const sameNumber of this.#byInode.values()) for (const flight of sameNumber) flight.keepable = false;
    this.#byInode.clear();
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
}

function inodeNumber(key: FileKey): number {
  return key.inodeHigh * 0x1_0000_0000 + key.inodeLow;
}
