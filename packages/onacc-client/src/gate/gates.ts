import { Worker } from 'node:worker_threads';
import { Counters } from './counters.js';
import { Duty } from './duty.js';
import { EventSlots } from './event-slots.js';
import type { GateCommand, GateEvent, GateSettings, GateStart } from './messages.js';
import type { Counter } from './counters.js';

export interface GatesOptions {
  /** Threads; one reads, the others stand by. At least 2, or a stuck reader would be the only one. */
  readonly gates: number;
  /** Events one gate can hold at a time; each holds a descriptor. */
  readonly slotsPerGate: number;
  readonly settings: GateSettings;
  readonly onEvent: (event: GateEvent) => void;
  /** A gate thread ended without being told to: the program cannot go on. */
  readonly onCrash: (reason: unknown) => void;
}

/** The gate threads as the main thread owns them. */
export class Gates {
  readonly #threads: Worker[] = [];
  readonly #outstanding = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #counters: SharedArrayBuffer;
  readonly #exits: Promise<void>[] = [];
  #stopping = false;
  readonly #ready: Promise<void>[] = [];

  constructor(options: GatesOptions) {
    const { gates, slotsPerGate, settings } = options;
    this.#counters = Counters.memory(gates);
    const shared = {
      gates,
      slotsPerGate,
      settings,
      slotMemory: EventSlots.memory(gates, slotsPerGate),
      dutyMemory: Duty.memory(gates),
      counterMemory: this.#counters,
      outstandingMemory: this.#outstanding.buffer,
    };
    for (let gate = 0; gate < gates; gate += 1) {
      const start: GateStart = { gate, ...shared };
      this.#threads.push(this.#spawn(start, options));
    }
  }

  /** Resolves when every gate has loaded all it needs: before that, one of its own opens could wait for itself. */
  async ready(): Promise<void> {
    await Promise.all(this.#ready);
  }

  /** Has all gates read this group too. They borrow it. */
  addGroup(group: number): void {
    this.#command({ kind: 'addGroup', group });
  }

  /** Has all gates let go of a group; each says `groupReleased` when it has. */
  releaseGroup(group: number): void {
    this.#command({ kind: 'releaseGroup', group });
  }

  /** What all gates together have counted. */
  totals(): Record<Counter, number> {
    return Counters.totals(this.#counters, this.#threads.length);
  }

  get size(): number {
    return this.#threads.length;
  }

  /** Has everything answered and closed. Resolves when all threads have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#command({ kind: 'stop' });
    await Promise.all(this.#exits);
  }

  #spawn(start: GateStart, options: GatesOptions): Worker {
    const thread = new Worker(new URL('./gate-thread.js', import.meta.url), {
      workerData: start,
      name: `gate-${start.gate}`,
    });
    this.#ready.push(
      new Promise((resolve) => {
        thread.on('message', (event: GateEvent) => {
          if (event.kind === 'ready') resolve();
        });
      }),
    );
    thread.on('message', (event: GateEvent) => {
      Atomics.sub(this.#outstanding, 0, 1);
      options.onEvent(event);
    });
    thread.on('error', (error) => {
      options.onCrash(error);
    });
    this.#exits.push(
      new Promise((resolve) => {
        thread.on('exit', (code) => {
          if (!this.#stopping) options.onCrash(new Error(`gate ${start.gate} ended with code ${code}`));
          resolve();
        });
      }),
    );
    return thread;
  }

  #command(command: GateCommand): void {
    for (const thread of this.#threads) thread.postMessage(command);
  }
}
