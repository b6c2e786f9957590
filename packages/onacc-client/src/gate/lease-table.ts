/** Where a descriptor stands: the low bits of its state word. Only the transitions of {@link LeaseTable} exist, each one atomic. */
const FREE = 0;
/** A gate is at it. */
const TAKING = 1;
/** It holds a lease, and its gate has yet to set the mark; the lease thread may let go of it at any time. */
const WAITING = 2;
/** It holds a lease that guards a mark; the lease thread may let go of it at any time. */
const HELD = 3;
/** The lease was broken while a gate was at it. */
const BROKEN = 4;
/** The lease thread is letting go of it. */
const RELEASING = 5;

const STATE_BITS = 7;
/** Above the state stands a number that changes with each use of the place: a ticket fits no other file of the same number. */
const NEXT_USE = 8;

const STATE = 0;
const GROUP = 1;
/** The low 32 bits of the monotonic clock, in milliseconds. */
const SINCE = 2;
const SLOT_WORDS = 3;

const THREAD_ID = 0;
const USED = 1;
/** One more than the highest descriptor that was ever taken. */
const SLOTS_SEEN = 2;
const HELD_MAX = 3;
const DROPS_ASKED = 4;
const BREAKS = 5;
const HEADER_WORDS = 8;

/** No thread has this number: nothing may be taken. */
const NO_THREAD = 0;

/** A descriptor that the lease thread has claimed from the table. */
export interface ClaimedLease {
  readonly fd: number;
  readonly group: number;
}

/**
 * The descriptors whose read leases guard ignore marks (`docs/decisions/0012-lease-guarded-marks.md`), in memory that the
 * gates and the lease thread share. A descriptor's number is its place.
 *
 * A gate: FREE → TAKING → WAITING → TAKING → HELD, or back to FREE. The lease thread: WAITING or HELD → RELEASING → FREE, and
 * TAKING → BROKEN, which tells the gate to give up. Whoever makes a place FREE closes the descriptor afterwards, never
 * before: the number may be another file's at once.
 */
export class LeaseTable {
  readonly #words: Int32Array;
  readonly #slots: number;

  /** @param memory - from {@link LeaseTable.memory} */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#slots = Math.floor((this.#words.length - HEADER_WORDS) / SLOT_WORDS);
  }

  /**
   * @param heldMax - as many descriptors at a time
   * @param descriptorsMax - no descriptor of this number or above is taken
   */
  static memory(heldMax: number, descriptorsMax: number): SharedArrayBuffer {
    const words = HEADER_WORDS + descriptorsMax * SLOT_WORDS;
    const memory = new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT);
    new Int32Array(memory)[HELD_MAX] = heldMax;
    return memory;
  }

  /** Where break signals go; 0 while nothing may be taken. */
  get threadId(): number {
    return Atomics.load(this.#words, THREAD_ID);
  }

  /** Descriptors that are taken at the moment. */
  get used(): number {
    return Atomics.load(this.#words, USED);
  }

  get heldMax(): number {
    return this.#words[HELD_MAX] ?? 0;
  }

  /** How often somebody wanted to write to a guarded file. */
  get breaks(): number {
    return Atomics.load(this.#words, BREAKS);
  }

  /** From now on descriptors may be taken: this thread reads the signals. */
  open(threadId: number): void {
    Atomics.store(this.#words, THREAD_ID, threadId);
  }

  /** From now on none is taken any more. */
  close(): void {
    Atomics.store(this.#words, THREAD_ID, NO_THREAD);
  }

  /**
   * Gate: begins to guard a file with this descriptor.
   *
   * @param at - `usedMax`: refused when so many are taken already
   * @returns the ticket for the calls below; undefined where it cannot be
   */
  take(fd: number, group: number, at: { nowMs: number; usedMax: number }): number | undefined {
    if (fd < 0 || fd >= this.#slots || this.threadId === NO_THREAD) return undefined;
    if (Atomics.add(this.#words, USED, 1) >= Math.min(at.usedMax, this.heldMax)) {
      Atomics.sub(this.#words, USED, 1);
      return undefined;
    }
    const slot = placeOf(fd);
    this.#words[slot + GROUP] = group;
    this.#words[slot + SINCE] = at.nowMs | 0;
    const ticket = ((Atomics.load(this.#words, slot + STATE) & ~STATE_BITS) + NEXT_USE) | 0;
    Atomics.store(this.#words, slot + STATE, ticket | TAKING);
    for (let seen = Atomics.load(this.#words, SLOTS_SEEN); seen <= fd;) {
      seen = Atomics.compareExchange(this.#words, SLOTS_SEEN, seen, fd + 1);
    }
    return ticket;
  }

  /**
   * Gate: the lease is held, the mark comes later.
   *
   * @returns false: it was broken, or nobody is left who would learn that it is; {@link abandon} it
   */
  park(fd: number, ticket: number): boolean {
    return this.#entrust(fd, ticket, WAITING);
  }

  /** Gate: takes a parked one up again. @returns false: the lease thread has let go of it, it is no longer the gate's. */
  resume(fd: number, ticket: number): boolean {
    return this.#move(fd, ticket | WAITING, ticket | TAKING);
  }

  /** Gate: the mark is set, the descriptor is the lease thread's. @returns false: as with {@link park}. */
  commit(fd: number, ticket: number): boolean {
    return this.#entrust(fd, ticket, HELD);
  }

  /** Gate: neither mark nor lease is left; the descriptor is the gate's, to be closed after this. */
  abandon(fd: number): void {
    this.#free(fd);
  }

  /**
   * Lease thread: somebody wants to write.
   *
   * @returns the descriptor, to be let go of and then {@link release}d; undefined where it is none, or a gate is at it, which
   * then learns of it
   */
  claimBroken(fd: number): ClaimedLease | undefined {
    if (fd < 0 || fd >= this.#slots) return undefined;
    Atomics.add(this.#words, BREAKS, 1);
    const at = placeOf(fd) + STATE;
    for (;;) {
      const claimed = this.claim(fd);
      if (claimed !== undefined) return claimed;
      const word = Atomics.load(this.#words, at);
      if ((word & STATE_BITS) !== TAKING) {
        if (!isClaimable(word)) return undefined;
      } else if (this.#move(fd, word, (word & ~STATE_BITS) | BROKEN)) {
        return undefined;
      }
    }
  }

  /** Lease thread: as {@link claimBroken}, whatever the reason. */
  claim(fd: number): ClaimedLease | undefined {
    const slot = placeOf(fd);
    const word = Atomics.load(this.#words, slot + STATE);
    if (!isClaimable(word) || !this.#move(fd, word, (word & ~STATE_BITS) | RELEASING)) return undefined;
    return { fd, group: this.#words[slot + GROUP] ?? -1 };
  }

  /** Lease thread: mark and lease are gone; the descriptor is to be closed after this. */
  release(fd: number): void {
    this.#free(fd);
  }

  /**
   * Tells of the descriptors that can be claimed, from number `from` on, `slotsMax` places at most.
   *
   * @returns where to go on; undefined at the end
   */
  scan(from: number, slotsMax: number, onHeld: (fd: number, sinceMs: number) => void): number | undefined {
    const seen = Math.min(Atomics.load(this.#words, SLOTS_SEEN), this.#slots);
    const end = Math.min(from + slotsMax, seen);
    for (let fd = from; fd < end; fd += 1) {
      const slot = placeOf(fd);
      if (isClaimable(Atomics.load(this.#words, slot + STATE))) onHeld(fd, this.#words[slot + SINCE] ?? 0);
    }
    return end < seen ? end : undefined;
  }

  /** Any thread: whatever is held shall be let go of, soon. */
  askToDropAll(): void {
    Atomics.add(this.#words, DROPS_ASKED, 1);
  }

  /** Changes with each {@link askToDropAll}. */
  get dropsAsked(): number {
    return Atomics.load(this.#words, DROPS_ASKED);
  }

  #entrust(fd: number, ticket: number, state: number): boolean {
    if (!this.#move(fd, ticket | TAKING, ticket | state)) return false;
    if (this.threadId !== NO_THREAD) return true;
    // Closed meanwhile: either the last sweep finds it, or it is taken back here.
    return !this.#move(fd, ticket | state, ticket | TAKING);
  }

  #move(fd: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, placeOf(fd) + STATE, from, to) === from;
  }

  #free(fd: number): void {
    const at = placeOf(fd) + STATE;
    Atomics.store(this.#words, at, (Atomics.load(this.#words, at) & ~STATE_BITS) | FREE);
    Atomics.sub(this.#words, USED, 1);
  }
}

function isClaimable(word: number): boolean {
  const state = word & STATE_BITS;
  return state === WAITING || state === HELD;
}

function placeOf(fd: number): number {
  return HEADER_WORDS + fd * SLOT_WORDS;
}
