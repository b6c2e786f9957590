const ON_DUTY = 0;
const TAKEOVERS = 1;
const UNSEEN_WRITES = 2;
const FIRST_GATE = 3;

// The words of a gate.
/** Since when it is at its turn; 0 between turns. */
const TURN = 0;
const JOINED = 1;
/** How often its clock has ticked. */
const TICKS = 2;
/** The daemon's process, as this gate's own link knows it; 0 while it has none. */
const DAEMON_PID = 3;
const GATE_WORDS = 4;

/** A gate that has not ticked for so long has no thread any more, or one that gets no processor: 40 ticks. */
export const SILENT_AFTER_MS = 1_000;
/** Longer between two looks, and whoever looks was stopped himself (SIGSTOP): that says nothing of others. */
const LOOK_MAX_MS = 100;
/** Longer than any turn may last, and far from where the difference of two times would wrap. */
const AGES_MS = 2 ** 30;

/** What a thread that is no gate calls itself: it may look on. */
const NO_GATE = -1;

/**
 * Which gate reads the kernel's events, and since when it has been at its present turn. Shared by all gates.
 *
 * Making the descriptor of an event can block the reader for as long as somebody holds a lease on the file (up to
 * 45 s) or a FUSE filesystem hangs. A gate that does not come back from a turn, or whose clock stands still, is relieved
 * by another one.
 */
export class Duty {
  readonly #words: Int32Array;
  readonly #gate: number;
  readonly #gates: number;
  /** What this thread has heard of each gate: its ticks, and for how long there was no new one. */
  readonly #heard: { ticks: number; silentMs: number }[];
  #lookedAtMs: number | undefined;

  /** @param gates - as many as there may ever be */
  constructor(memory: SharedArrayBuffer, gate: number, gates: number) {
    this.#words = new Int32Array(memory);
    this.#gate = gate;
    this.#gates = gates;
    this.#heard = Array.from({ length: gates }, () => ({ ticks: 0, silentMs: 0 }));
  }

  static memory(gates: number): SharedArrayBuffer {
    return new SharedArrayBuffer((FIRST_GATE + gates * GATE_WORDS) * Int32Array.BYTES_PER_ELEMENT);
  }

  /** As a thread sees it that is no gate. */
  static observer(memory: SharedArrayBuffer, gates: number): Duty {
    return new Duty(memory, NO_GATE, gates);
  }

  /** This gate can answer from now on. */
  join(): void {
    Atomics.store(this.#words, wordOf(this.#gate, JOINED), 1);
  }

  /** How many gates have joined and are not stuck. */
  freeGates(nowMs: number, stuckAfterMs: number): number {
    this.#listen(nowMs);
    let free = 0;
    for (let gate = 0; gate < this.#gates; gate += 1) {
      const joined = Atomics.load(this.#words, wordOf(gate, JOINED)) === 1;
      if (joined && !this.#isStuck(gate, nowMs, stuckAfterMs)) free += 1;
    }
    return free;
  }

  get isMine(): boolean {
    return Atomics.load(this.#words, ON_DUTY) === this.#gate;
  }

  get takeovers(): number {
    return Atomics.load(this.#words, TAKEOVERS);
  }

  /** This gate's link is up: whichever gate connects first knows the daemon for all. 0: it is down. */
  noteDaemon(pid: number): void {
    Atomics.store(this.#words, wordOf(this.#gate, DAEMON_PID), pid);
  }

  /** Whether some gate is connected to this process: the number of one that is gone may be anybody's. */
  isDaemon(pid: number): boolean {
    if (pid === 0) return false;
    for (let gate = 0; gate < this.#gates; gate += 1) {
      if (Atomics.load(this.#words, wordOf(gate, DAEMON_PID)) === pid) return true;
    }
    return false;
  }

  /** This gate is alive. Called with each of its ticks. */
  noteTick(): void {
    Atomics.add(this.#words, wordOf(this.#gate, TICKS), 1);
  }

  /** How often a gate off duty was told of a write that the one on duty has not seen. */
  get unseenWrites(): number {
    return Atomics.load(this.#words, UNSEEN_WRITES);
  }

  /** This gate, off duty, was told of a write. */
  noteUnseenWrite(): void {
    Atomics.add(this.#words, UNSEEN_WRITES, 1);
  }

  /** The other gates whose turn has lasted so long, or who are silent, on duty or not: their parked events need somebody else. */
  stuckOthers(nowMs: number, stuckAfterMs: number): number[] {
    this.#listen(nowMs);
    const stuck: number[] = [];
    for (let gate = 0; gate < this.#gates; gate += 1) {
      if (gate !== this.#gate && this.#isStuck(gate, nowMs, stuckAfterMs)) stuck.push(gate);
    }
    return stuck;
  }

  /** A turn of this gate begins: from here on it may get stuck. `nowMs` is monotonic and not 0. */
  beginTurn(nowMs: number): void {
    Atomics.store(this.#words, wordOf(this.#gate, TURN), nowMs | 0 || 1);
  }

  endTurn(): void {
    Atomics.store(this.#words, wordOf(this.#gate, TURN), 0);
  }

  /** A turn of this gate has failed, and its thread may end by that: until its next turn it counts as stuck. */
  failTurn(nowMs: number): void {
    this.beginTurn(nowMs - AGES_MS);
  }

  /**
   * Relieves the gate on duty when its turn has lasted `stuckAfterMs` or it is silent. @returns the number of the relieved gate, whose
   * parked events the caller now answers; undefined when all is well or another gate was quicker.
   */
  relieve(nowMs: number, stuckAfterMs: number): number | undefined {
    this.#listen(nowMs);
    const onDuty = Atomics.load(this.#words, ON_DUTY);
    if (onDuty === this.#gate || onDuty >= this.#gates) return undefined;
    if (!this.#isStuck(onDuty, nowMs, stuckAfterMs)) return undefined;
    if (Atomics.compareExchange(this.#words, ON_DUTY, onDuty, this.#gate) !== onDuty) return undefined;
    Atomics.add(this.#words, TAKEOVERS, 1);
    return onDuty;
  }

  #isStuck(gate: number, nowMs: number, stuckAfterMs: number): boolean {
    const silentMs = this.#heard[gate]?.silentMs ?? 0;
    return this.#turnMs(gate, nowMs) >= stuckAfterMs || silentMs >= Math.max(SILENT_AFTER_MS, stuckAfterMs);
  }

  /** How long a gate has been at its turn; -1 between turns. */
  #turnMs(gate: number, nowMs: number): number {
    const since = Atomics.load(this.#words, wordOf(gate, TURN));
    // Both are the low 32 bits of the same clock; their difference is right even when those wrap.
    return since === 0 ? -1 : ((nowMs | 0) - since) | 0;
  }

  /** The gates' clocks are measured by how often this thread looks, not by the time: all may have been stopped together. */
  #listen(nowMs: number): void {
    const passedMs = Math.min(nowMs - (this.#lookedAtMs ?? nowMs), LOOK_MAX_MS);
    this.#lookedAtMs = nowMs;
    for (const [gate, heard] of this.#heard.entries()) {
      const ticks = Atomics.load(this.#words, wordOf(gate, TICKS));
      // Before its first tick it is starting.
      heard.silentMs = ticks === heard.ticks && ticks !== 0 ? heard.silentMs + passedMs : 0;
      heard.ticks = ticks;
    }
  }
}

function wordOf(gate: number, word: number): number {
  return FIRST_GATE + gate * GATE_WORDS + word;
}
