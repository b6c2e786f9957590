import { closeSync } from 'node:fs';
import type { LaneHome, LaneWorker } from './lane-worker.js';

/** Brings workers that wait and sockets of scan threads together, and knows which scans use which database. */
export class Lanes {
  readonly #giveUp: (why: string | undefined) => void;
  readonly #onUnused: (generation: number) => void;
  readonly #waiting: LaneWorker[] = [];
  readonly #attached = new Set<LaneWorker>();
  #free: number[] = [];
  #isClosed = false;
  #generation: number | undefined;
  readonly #scans = new Map<number, number>();

  /**
   * @param options.giveUp the host is to be ended.
   * @param options.onUnused no scan uses that database any more, and none will.
   */
  constructor(options: {
    readonly giveUp: (why: string | undefined) => void;
    readonly onUnused: (generation: number) => void;
  }) {
    this.#giveUp = options.giveUp;
    this.#onUnused = options.onUnused;
  }

  /** A worker that wants a scan thread. */
  add(worker: LaneWorker): void {
    this.#waiting.push(worker);
    // Later: whoever adds it does not expect to lose it from within.
    if (this.#isClosed) queueMicrotask(this.close.bind(this));
    this.#match();
  }

  /** The sockets of a host that has started; now ours. */
  offer(fds: readonly number[]): void {
    this.#free = [...fds];
  }

  /** Scans that begin from now on use that database. */
  use(generation: number): void {
    const before = this.#generation;
    this.#generation = generation;
    if (before !== undefined && before !== generation && !this.#scans.has(before)) this.#onUnused(before);
    this.#match();
  }

  /** The host is gone, and with it every database. Its workers are lost, but for those that had not begun to serve. */
  lose(how: string): void {
    for (const fd of this.#free.splice(0)) closeSync(fd);
    this.#generation = undefined;
    const lost = [...this.#attached];
    this.#attached.clear();
    const served = lost.filter((worker) => this.#isClosed || !worker.detach());
    this.#waiting.push(...lost.filter((worker) => !served.includes(worker)));
    // All of them first: the loss of one has the pool look for another that is idle.
    for (const worker of served) worker.disconnect();
    for (const worker of served) worker.lose(how);
    this.#scans.clear();
  }

  /** Nobody will come any more: those who wait are lost, and whoever joins them. */
  close(): void {
    this.#isClosed = true;
    for (const worker of this.#waiting.splice(0)) worker.lose('was ended');
  }

  #match(): void {
    if (this.#generation === undefined) return;
    for (;;) {
      // One that was let go while it waited has no use for a thread.
      while (this.#waiting[0]?.state !== 'starting' && this.#waiting.length > 0) this.#waiting.shift();
      const fd = this.#free[0];
      const worker = this.#waiting[0];
      if (fd === undefined || worker === undefined) return;
      this.#free.shift();
      this.#waiting.shift();
      this.#attached.add(worker);
      worker.attach(fd, this.#home(worker));
    }
  }

  #home(worker: LaneWorker): LaneHome {
    return {
      generation: () => this.#generation ?? 0,
      onScan: (generation, stage) => {
        this.#count(generation, stage === 'began' ? 1 : -1);
      },
      giveUp: (why) => {
        if (this.#attached.has(worker)) this.#giveUp(why);
      },
    };
  }

  #count(generation: number, change: number): void {
    const scans = (this.#scans.get(generation) ?? 0) + change;
    if (scans > 0) {
      this.#scans.set(generation, scans);
      return;
    }
    this.#scans.delete(generation);
    if (this.#generation !== undefined && generation !== this.#generation) this.#onUnused(generation);
  }
}
