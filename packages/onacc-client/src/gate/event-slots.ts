/** Where an event stands: the low two bits of the state word. Only the transitions below exist, each one atomic. */
const FREE = 0;
/** Its gate is working on it right now; nobody else touches it. */
const BUSY = 1;
/** It waits for a verdict. Its gate may answer it, and so may a gate that takes over. */
const WAITING = 2;
/** Another gate took it over; only the bookkeeping of the first one is left to do. */
const LOST = 3;

const STATE_BITS = 3;
/** Above the state stands a number that changes each time the slot is handed out: a claim cannot hit the next event in it. */
const NEXT_USE = 4;

const STATE = 0;
const FD = 1;
const GROUP = 2;
const PID = 3;
const KIND = 4;
/** The low 32 bits of the monotonic clock, in milliseconds. */
const ARRIVED = 5;
const WORDS = 6;

/**
 * What somebody did. `permission`: he waits for the answer. `opened`, `written` (closed after writing): he does not, and
 * nothing is answered.
 */
export const EVENT_KINDS = ['permission', 'opened', 'written'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** An event as it is put into a slot. */
export interface SlottedEvent {
  readonly fd: number;
  readonly group: number;
  readonly pid: number;
  readonly kind: EventKind;
}

/** An event as a gate that takes over finds it. */
export interface ClaimedEvent extends SlottedEvent {
  /** When it came to the gate that had it first; monotonic. */
  readonly arrivedAtMs: number;
}

/**
 * The events that are in some gate's hands, in memory that all gates share: what makes "answered exactly once"
 * hold across threads. Each gate hands out only its own part, so that a slot number never means two events at a time.
 *
 * FREE → BUSY → (WAITING ⇄ BUSY) → FREE, or WAITING → LOST → FREE after another gate's claim.
 */
export class EventSlots {
  readonly #words: Int32Array;
  readonly #first: number;
  readonly #free: number[] = [];

  /** @param memory - from {@link EventSlots.memory}; `gate` counts from 0 */
  constructor(memory: SharedArrayBuffer, gate: number, slotsPerGate: number) {
    this.#words = new Int32Array(memory);
    this.#first = gate * slotsPerGate;
    for (let slot = slotsPerGate - 1; slot >= 0; slot -= 1) this.#free.push(this.#first + slot);
  }

  static memory(gates: number, slotsPerGate: number): SharedArrayBuffer {
    // The last word counts what is held.
    return new SharedArrayBuffer((gates * slotsPerGate * WORDS + 1) * Int32Array.BYTES_PER_ELEMENT);
  }

  /** How many events all gates hold together. One that was taken over counts twice until its first gate is back. */
  static held(memory: SharedArrayBuffer): number {
    const words = new Int32Array(memory);
    return Atomics.load(words, words.length - 1);
  }

  /** How many more events this gate can hold. */
  get freeSlots(): number {
    return this.#free.length;
  }

  /** Takes a slot for an event. @returns the slot, busy; undefined when there is none left. */
  hold(event: SlottedEvent, arrivedAtMs: number): number | undefined {
    const slot = this.#free.pop();
    if (slot === undefined) return undefined;
    Atomics.add(this.#words, this.#words.length - 1, 1);
    const at = slot * WORDS;
    this.#words[at + FD] = event.fd;
    this.#words[at + GROUP] = event.group;
    this.#words[at + PID] = event.pid;
    this.#words[at + KIND] = EVENT_KINDS.indexOf(event.kind);
    this.#words[at + ARRIVED] = arrivedAtMs | 0;
    Atomics.store(
      this.#words,
      at + STATE,
      ((Atomics.load(this.#words, at + STATE) & ~STATE_BITS) + NEXT_USE) | BUSY,
    );
    return slot;
  }

  /** The event now waits for a verdict, and may be taken over. */
  park(slot: number): void {
    this.#become(slot, WAITING);
  }

  /** Takes a parked event back to answer it. @returns false when another gate has it: then it is not ours to answer. */
  resume(slot: number): boolean {
    const at = slot * WORDS + STATE;
    const use = Atomics.load(this.#words, at) & ~STATE_BITS;
    return Atomics.compareExchange(this.#words, at, use | WAITING, use | BUSY) === (use | WAITING);
  }

  /** Gives the slot back, after the answer or after a lost race. */
  release(slot: number): void {
    this.#become(slot, FREE);
    Atomics.sub(this.#words, this.#words.length - 1, 1);
    this.#free.push(slot);
  }

  /** Takes over the parked events of another gate, one by one; from then on each is the caller's to answer and to close. */
  *claimFrom(gate: number, slotsPerGate: number, nowMs: number): Generator<ClaimedEvent> {
    for (let slot = gate * slotsPerGate; slot < (gate + 1) * slotsPerGate; slot += 1) {
      const at = slot * WORDS;
      const word = Atomics.load(this.#words, at + STATE);
      if ((word & STATE_BITS) !== WAITING) continue;
      const event = {
        fd: Atomics.load(this.#words, at + FD),
        group: Atomics.load(this.#words, at + GROUP),
        pid: Atomics.load(this.#words, at + PID),
        kind: EVENT_KINDS[Atomics.load(this.#words, at + KIND)] ?? 'permission',
        // Right even where the 32 bits have wrapped in between.
        arrivedAtMs: nowMs - (((nowMs | 0) - Atomics.load(this.#words, at + ARRIVED)) | 0),
      };
      const lost = (word & ~STATE_BITS) | LOST;
      if (Atomics.compareExchange(this.#words, at + STATE, word, lost) === word) yield event;
    }
  }

  /** For states that only the slot's own gate can be in. */
  #become(slot: number, state: number): void {
    const at = slot * WORDS + STATE;
    Atomics.store(this.#words, at, (Atomics.load(this.#words, at) & ~STATE_BITS) | state);
  }
}
