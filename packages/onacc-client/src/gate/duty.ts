const ON_DUTY = 0;
const TAKEOVERS = 1;
const DAEMON_PID = 2;
const UNSEEN_WRITES = 3;
const FIRST_GATE = 4;

/** What a thread that is no gate calls itself: it may look on. */
const NO_GATE = -1;

/**
 * Which gate reads the kernel's events, and since when it has been at its present turn. Shared by all gates.
 *
 * Making the descriptor of an event can block the reader for as long as somebody holds a lease on the file (up to
 * 45 s) or a FUSE filesystem hangs. A gate that does not come back from a turn is relieved by another one.
 */
export class Duty {
  readonly #words: Int32Array;
  readonly #gate: number;
  readonly #gates: number;

  /** @param gates - as many as there may ever be */
  constructor(memory: SharedArrayBuffer, gate: number, gates: number) {
    this.#words = new Int32Array(memory);
    this.#gate = gate;
    this.#gates = gates;
  }

  static memory(gates: number): SharedArrayBuffer {
    // Since when each is at its turn, and whether it has joined.
    return new SharedArrayBuffer((FIRST_GATE + gates * 2) * Int32Array.BYTES_PER_ELEMENT);
  }

  /** As a thread sees it that is no gate. */
  static observer(memory: SharedArrayBuffer, gates: number): Duty {
    return new Duty(memory, NO_GATE, gates);
  }

  /** This gate can answer from now on. */
  join(): void {
    Atomics.store(this.#words, FIRST_GATE + this.#gates + this.#gate, 1);
  }

  /** How many gates have joined and are not stuck. */
  freeGates(nowMs: number, stuckAfterMs: number): number {
    let free = 0;
    for (let gate = 0; gate < this.#gates; gate += 1) {
      const joined = Atomics.load(this.#words, FIRST_GATE + this.#gates + gate) === 1;
      if (joined && this.#turnMs(gate, nowMs) < stuckAfterMs) free += 1;
    }
    return free;
  }

  get isMine(): boolean {
    return Atomics.load(this.#words, ON_DUTY) === this.#gate;
  }

  get takeovers(): number {
    return Atomics.load(this.#words, TAKEOVERS);
  }

  /** The daemon's process, 0 while unknown. Whichever gate connects first learns it for all. */
  get daemonPid(): number {
    return Atomics.load(this.#words, DAEMON_PID);
  }

  set daemonPid(pid: number) {
    Atomics.store(this.#words, DAEMON_PID, pid);
  }

  /** How often a gate off duty was told of a write that the one on duty has not seen. */
  get unseenWrites(): number {
    return Atomics.load(this.#words, UNSEEN_WRITES);
  }

  /** This gate, off duty, was told of a write. */
  noteUnseenWrite(): void {
    Atomics.add(this.#words, UNSEEN_WRITES, 1);
  }

  /** The other gates whose turn has lasted so long, on duty or not: their parked events need somebody else. */
  stuckOthers(nowMs: number, stuckAfterMs: number): number[] {
    const stuck: number[] = [];
    for (let gate = 0; gate < this.#gates; gate += 1) {
      if (gate !== this.#gate && this.#turnMs(gate, nowMs) >= stuckAfterMs) stuck.push(gate);
    }
    return stuck;
  }

  /** A turn of this gate begins: from here on it may get stuck. `nowMs` is monotonic and not 0. */
  beginTurn(nowMs: number): void {
    Atomics.store(this.#words, FIRST_GATE + this.#gate, nowMs | 0 || 1);
  }

  endTurn(): void {
    Atomics.store(this.#words, FIRST_GATE + this.#gate, 0);
  }

  /**
   * Relieves the gate on duty when its turn has lasted `stuckAfterMs`. @returns the number of the relieved gate, whose
   * parked events the caller now answers; undefined when all is well or another gate was quicker.
   */
  relieve(nowMs: number, stuckAfterMs: number): number | undefined {
    const onDuty = Atomics.load(this.#words, ON_DUTY);
    if (onDuty === this.#gate || onDuty >= this.#gates) return undefined;
    if (this.#turnMs(onDuty, nowMs) < stuckAfterMs) return undefined;
    if (Atomics.compareExchange(this.#words, ON_DUTY, onDuty, this.#gate) !== onDuty) return undefined;
    Atomics.add(this.#words, TAKEOVERS, 1);
    return onDuty;
  }

  /** How long a gate has been at its turn; -1 between turns. */
  #turnMs(gate: number, nowMs: number): number {
    const since = Atomics.load(this.#words, FIRST_GATE + gate);
    // Both are the low 32 bits of the same clock; their difference is right even when those wrap.
    return since === 0 ? -1 : ((nowMs | 0) - since) | 0;
  }
}
