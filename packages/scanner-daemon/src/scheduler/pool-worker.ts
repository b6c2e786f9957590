import { Worker } from 'node:worker_threads';
import {
  createControlWords,
  FIRST_CANCEL_WORD,
  RUNNING_JOB_WORD,
  type MessageFromWorker,
  type MessageToWorker,
  type WorkerStartup,
} from './messages.js';
import { borrowSource, type PendingJob } from './pending-job.js';

/** What a worker tells its pool. Each callback leaves the worker in the state that the next one assumes. */
export interface PoolWorkerEvents {
  readonly onReady: (worker: PoolWorker) => void;
  /** Its batch is done: it is idle again. */
  readonly onIdle: (worker: PoolWorker) => void;
  /** The thread has ended, by itself or because it was terminated. Called once, last. */
  readonly onGone: (worker: PoolWorker, cause: unknown) => void;
}

export type PoolWorkerState = 'starting' | 'idle' | 'busy' | 'terminating' | 'gone';

/** Who scans for a pool, and the jobs in its hands. */
export interface PoolWorker {
  readonly state: PoolWorkerState;
  /** Whether it got as far as serving. One that did not is not to be started again at once. */
  readonly everReady: boolean;
  readonly jobs: Iterable<PendingJob>;
  /** The job it works on at this moment, as far as it said. */
  readonly runningJob: PendingJob | undefined;
  /** Idle workers only. At most as many jobs as the pool was told. */
  assign(batch: readonly PendingJob[], nowMs: number): void;
  /** Scans that begin after this use the database. */
  attachDatabase(database: WorkerStartup['database']): void;
  /** Asks the engine to stop that job; it still reports. */
  cancel(pending: PendingJob): void;
  /** How long it has been on the same job, or on taking up a batch, in milliseconds. 0 when it has nothing to do. */
  stuckMs(nowMs: number): number;
  /** Ends it, whatever it does. `onGone` follows, late when the kernel holds it in a call. */
  terminate(): void;
}

/** A scan thread of this process, with an engine of its own. */
export class ThreadWorker implements PoolWorker {
  readonly #worker: Worker;
  readonly #control = createControlWords();
  readonly #inFlight = new Map<number, PendingJob>();
  readonly #slots = new Map<number, number>();
  readonly #events: PoolWorkerEvents;
  #state: PoolWorkerState = 'starting';
  #everReady = false;
  #cause: unknown;
  #clockJobId = 0;
  #clockSinceMs = 0;

  constructor(entry: URL, startup: Omit<WorkerStartup, 'control'>, events: PoolWorkerEvents) {
    this.#events = events;
    const workerData: WorkerStartup = { ...startup, control: this.#control.buffer };
    this.#worker = new Worker(entry, { workerData, name: 'scan' });
    // The only sender is our own scan-thread, compiled from the same union.
    this.#worker.on('message', (message: MessageFromWorker) => {
      this.#receive(message);
    });
    this.#worker.on('error', (error) => {
      this.#cause = error;
    });
    this.#worker.on('exit', (exitCode) => {
      this.#state = 'gone';
      this.#events.onGone(this, this.#cause ?? new Error(`the scan thread exited with code ${exitCode}`));
    });
  }

  get state(): PoolWorkerState {
    return this.#state;
  }

  get everReady(): boolean {
    return this.#everReady;
  }

  get jobs(): Iterable<PendingJob> {
    return this.#inFlight.values();
  }

  get runningJob(): PendingJob | undefined {
    return this.#inFlight.get(Atomics.load(this.#control, RUNNING_JOB_WORD));
  }

  assign(batch: readonly PendingJob[], nowMs: number): void {
    if (this.#state !== 'idle') throw new Error(`a job was given to a worker that is ${this.#state}`);
    this.#state = 'busy';
    this.#clockJobId = 0;
    this.#clockSinceMs = nowMs;
    // The worker is between batches, so nobody reads the flags of the last one any more.
    this.#control.fill(0);
    const requests = batch.map((pending, slot) => {
      this.#inFlight.set(pending.id, pending);
      this.#slots.set(pending.id, slot);
      pending.dispatched();
      return { jobId: pending.id, source: borrowSource(pending.job.source), allMatch: pending.job.allMatch };
    });
    this.#send({ kind: 'scan', requests });
  }

  attachDatabase(database: WorkerStartup['database']): void {
    if (this.#state !== 'gone') this.#send({ kind: 'database', database });
  }

  cancel(pending: PendingJob): void {
    const slot = this.#slots.get(pending.id);
    if (slot !== undefined) Atomics.store(this.#control, FIRST_CANCEL_WORD + slot, 1);
  }

  stuckMs(nowMs: number): number {
    if (this.#state !== 'busy') return 0;
    const jobId = Atomics.load(this.#control, RUNNING_JOB_WORD);
    if (jobId !== this.#clockJobId) {
      this.#clockJobId = jobId;
      this.#clockSinceMs = nowMs;
    }
    return nowMs - this.#clockSinceMs;
  }

  /**
   * Stops the thread, whatever it does. `onGone` follows, late when the kernel holds the thread in a call. One that starts
   * is let start first: koffi aborts the process when its thread ends while it is being loaded (seen with 3.3.4).
   */
  terminate(): void {
    if (this.#state === 'gone' || this.#state === 'terminating') return;
    const isLoading = this.#state === 'starting';
    this.#state = 'terminating';
    if (!isLoading) void this.#worker.terminate();
  }

  #send(message: MessageToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: MessageFromWorker): void {
    // A report that was under way when the thread was terminated: its job has been answered or queued again.
    if (this.#state === 'terminating' || this.#state === 'gone') {
      if (message.kind === 'ready') void this.#worker.terminate();
      return;
    }
    if (message.kind === 'ready') {
      this.#everReady = true;
      this.#state = 'idle';
      this.#events.onReady(this);
      return;
    }
    for (const { jobId, verdict } of message.reports) {
      const pending = this.#inFlight.get(jobId);
      if (pending === undefined) continue;
      this.#inFlight.delete(jobId);
      this.#slots.delete(jobId);
      pending.report(verdict);
      pending.releaseSource();
    }
    if (this.#inFlight.size === 0) {
      this.#state = 'idle';
      this.#events.onIdle(this);
    }
  }
}
