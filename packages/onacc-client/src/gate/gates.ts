import { Worker } from 'node:worker_threads';
import { monotonicMs } from './clock.js';
import { Counters } from './counters.js';
import { Duty } from './duty.js';
import { EventSlots } from './event-slots.js';
import { GateGrowth } from './gate-growth.js';
import { HandOver } from './hand-over.js';
import type { GateCommand, GateEvent, GateSettings, GateStart } from './messages.js';
import type { Counter } from './counters.js';

export interface GatesOptions {
  /** Threads at the start; one reads, the others stand by. At least 2, or a stuck reader would be the only one. */
  readonly gates: number;
  /** Threads at most: while gates are stuck, further ones are started. */
  readonly gatesMax: number;
  /** Events one gate can hold at a time; each holds a descriptor. */
  readonly slotsPerGate: number;
  readonly settings: GateSettings;
  /** Of a {@link LeaseOwner}, which is stopped after the gates; undefined: no files are held by leases. */
  readonly leaseMemory?: SharedArrayBuffer | undefined;
  readonly onEvent: (event: GateEvent) => void;
  /** A gate thread ended without being told to: the program cannot go on. */
  readonly onCrash: (reason: unknown) => void;
}

/** How often it is looked whether gates are stuck. */
const LOOK_MS = 50;
/** A gate that has not ended so long after it was told to is stuck; SIGTERM leaves the whole program a second. */
const STOP_MAX_MS = 700;
/** More events in one gate's hands than that say that something is wrong already. */
const SLOTS_PER_GATE_MAX = 8_192;

/** How many events each gate may hold, so that all gates together stay within `eventFdsMax` descriptors. */
export function slotsPerGate(eventFdsMax: number, gatesMax: number): number {
  return Math.max(1, Math.min(SLOTS_PER_GATE_MAX, Math.floor(eventFdsMax / gatesMax)));
}

/** The gate threads as the main thread owns them. */
export class Gates {
  readonly #options: GatesOptions;
  readonly #threads: Worker[] = [];
  readonly #ready: Promise<void>[] = [];
  readonly #exits: Promise<void>[] = [];
  /** For gates that are started later. */
  readonly #groups = new Map<number, { readonly nonBlocking: boolean }>();
  readonly #outstanding = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #handOver: HandOver;
  readonly #shared: Omit<GateStart, 'gate'>;
  readonly #duty: Duty;
  readonly #growth: GateGrowth;
  #looking: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(options: GatesOptions) {
    this.#options = options;
    const { gates, gatesMax, slotsPerGate, settings } = options;
    this.#shared = {
      gatesMax,
      slotsPerGate,
      settings,
      slotMemory: EventSlots.memory(gatesMax, slotsPerGate),
      dutyMemory: Duty.memory(gatesMax),
      counterMemory: Counters.memory(gatesMax),
      outstandingMemory: this.#outstanding.buffer,
      handOverMemory: HandOver.memory(),
      leaseMemory: options.leaseMemory,
    };
    this.#handOver = new HandOver(this.#shared.handOverMemory);
    this.#duty = Duty.observer(this.#shared.dutyMemory, gatesMax);
    this.#growth = new GateGrowth(gatesMax);
    for (let gate = 0; gate < gates; gate += 1) void this.#spawn();
    void this.ready().then(() => {
      this.#watchOver();
    });
  }

  /** Resolves when every gate has loaded all it needs: before that, one of its own opens could wait for itself. */
  async ready(): Promise<void> {
    await Promise.all(this.#ready);
  }

  /** Has all gates read this group too, those that are started later as well. They borrow it. */
  addGroup(group: number, options: { readonly nonBlocking: boolean } = { nonBlocking: false }): void {
    const { nonBlocking } = options;
    this.#groups.set(group, { nonBlocking });
    this.#command({ kind: 'addGroup', group, nonBlocking });
  }

  /** Has all gates let go of a group. @returns how many of them will say `groupReleased` when they have. */
  releaseGroup(group: number): number {
    this.#groups.delete(group);
    this.#command({ kind: 'releaseGroup', group });
    return this.#threads.length;
  }

  /** What all gates together have counted. */
  totals(): Record<Counter, number> {
    return Counters.totals(this.#shared.counterMemory, this.#options.gatesMax);
  }

  /** Gates that were started. */
  get size(): number {
    return this.#threads.length;
  }

  /** Of those, how many are not stuck. */
  get freeGates(): number {
    return this.#duty.freeGates(monotonicMs(), this.#options.settings.stuckAfterMs);
  }

  /** Events that wait in the gates' hands. */
  get held(): number {
    return EventSlots.held(this.#shared.slotMemory);
  }

  /** Descriptors of infected files that were handed over and not returned. */
  get handedOver(): number {
    return this.#handOver.handedOver;
  }

  /** To be called once for each {@link JudgedFile} with a descriptor, after that was closed. */
  returnHandedOver(): void {
    this.#handOver.giveBack();
  }

  /**
   * Has everything answered and closed.
   *
   * @returns how many threads are stuck in the kernel and did not end in time: then only a signal ends the process, since
   * `process.exit()` would wait for them
   */
  async stop(): Promise<number> {
    this.#stopping = true;
    clearInterval(this.#looking);
    this.#command({ kind: 'stop' });
    let stuck = this.#exits.length;
    const ends = this.#exits.map(async (exit) => {
      await exit;
      stuck -= 1;
    });
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise((resolve) => {
      timer = setTimeout(resolve, STOP_MAX_MS);
    });
    await Promise.race([Promise.all(ends), tooLate]);
    clearTimeout(timer);
    return stuck;
  }

  /** Only once all are there: before that they would be taken for stuck ones. */
  #watchOver(): void {
    if (this.#stopping) return;
    this.#looking = setInterval(() => {
      this.#look();
    }, LOOK_MS);
    this.#looking.unref();
  }

  #look(): void {
    const step = this.#growth.look({ started: this.size, free: this.freeGates, nowMs: monotonicMs() });
    if (step === 'start') {
      void this.#spawn().then(() => {
        this.#growth.onStarted();
      });
      this.#options.onEvent({ kind: 'gateStarted', gates: this.size });
    } else if (step === 'exhausted') {
      this.#options.onEvent({ kind: 'gatesExhausted' });
    } else if (step === 'free') {
      this.#options.onEvent({ kind: 'gatesFree' });
    }
  }

  /** @returns resolves when it has loaded all it needs */
  #spawn(): Promise<void> {
    const start: GateStart = { gate: this.#threads.length, ...this.#shared };
    const thread = new Worker(new URL('./gate-thread.js', import.meta.url), {
      workerData: start,
      name: `gate-${start.gate}`,
    });
    const ready = new Promise<void>((resolve) => {
      thread.on('message', (event: GateEvent) => {
        Atomics.sub(this.#outstanding, 0, 1);
        if (event.kind === 'ready') resolve();
        this.#options.onEvent(event);
      });
    });
    thread.on('error', (error) => {
      this.#options.onCrash(error);
    });
    this.#exits.push(
      new Promise((resolve) => {
        thread.on('exit', (code) => {
          if (!this.#stopping) this.#options.onCrash(new Error(`gate ${start.gate} ended with code ${code}`));
          resolve();
        });
      }),
    );
    for (const [group, { nonBlocking }] of this.#groups) {
      thread.postMessage({ kind: 'addGroup', group, nonBlocking } satisfies GateCommand);
    }
    this.#threads.push(thread);
    this.#ready.push(ready);
    return ready;
  }

  #command(command: GateCommand): void {
    for (const thread of this.#threads) thread.postMessage(command);
  }
}
