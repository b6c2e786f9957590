import type { ScanVerdict } from '@portcullis/shared';
import type { DaemonStats, QueuedItem, RunningTask } from '../stats/daemon-stats.js';
import type { RequestSource } from './messages.js';
import type { ScanJob, ScanSource } from './scan-job.js';

/** Where a job stands. A `reported` job may still hold its source, while a worker that hangs can reach it. */
export type JobState = 'queued' | 'inFlight' | 'reported';

const CANCELLED: ScanVerdict = { kind: 'incomplete', reason: 'cancelled' };

/**
 * One job inside the pool, from `submit` to its one report. It owns the job's source, also while a worker borrows it.
 */
export class PendingJob {
  readonly id: number;
  readonly job: ScanJob;
  /** How many workers have died or hung with this job in hand without having begun it. */
  requeues = 0;
  #state: JobState = 'queued';
  #queued: QueuedItem | undefined;
  #running: RunningTask | undefined;
  readonly #stats: DaemonStats;
  readonly #onAbort: () => void;

  /** @param onAbort called when the client goes away before the report. */
  constructor(id: number, job: ScanJob, stats: DaemonStats, onAbort: (pending: PendingJob) => void) {
    this.id = id;
    this.job = job;
    this.#stats = stats;
    this.#onAbort = () => {
      onAbort(this);
    };
    job.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get state(): JobState {
    return this.#state;
  }

  get cancelled(): boolean {
    return this.job.signal?.aborted === true;
  }

  /** It waits, for the first time or again. */
  enqueued(): void {
    this.#endTask();
    this.#state = 'queued';
    this.#queued = this.#stats.queued(this.job.priority);
  }

  /** A worker has it. */
  dispatched(): void {
    this.#endWait();
    this.#state = 'inFlight';
    this.#running = this.#stats.started(this.job.task, this.job.label);
  }

  /** Tells the client side, once. The source stays held until {@link PendingJob.releaseSource}. */
  report(verdict: ScanVerdict): void {
    if (this.#state === 'reported') return;
    this.#state = 'reported';
    this.#endWait();
    this.#endTask();
    this.job.signal?.removeEventListener('abort', this.#onAbort);
    // A detection is worth telling the log even when nobody waits for it any more.
    this.job.onVerdict(this.cancelled && verdict.kind !== 'infected' ? CANCELLED : verdict);
  }

  releaseSource(): void {
    releaseSource(this.job.source);
  }

  #endWait(): void {
    if (this.#queued !== undefined) this.#stats.dequeued(this.#queued);
    this.#queued = undefined;
  }

  #endTask(): void {
    if (this.#running !== undefined) this.#stats.ended(this.#running);
    this.#running = undefined;
  }
}

/** Lets go of what a source holds. Doing so twice is harmless. */
export function releaseSource(source: ScanSource): void {
  if (source.kind === 'fd') source.fd.close();
}

/** What crosses to the worker: numbers and shared memory, nothing that owns. */
export function borrowSource(source: ScanSource): RequestSource {
  switch (source.kind) {
    case 'fd':
      return { kind: 'fd', fd: source.fd.borrow(), sizeBytes: source.sizeBytes };
    case 'path':
      return { kind: 'path', path: source.path };
    case 'memory':
      return { kind: 'memory', bytes: source.bytes, sizeBytes: source.sizeBytes };
  }
}

/** What a job weighs when jobs are put together in one message; a path may be anything. */
export function batchWeightBytes(source: ScanSource): number {
  return source.kind === 'path' ? Number.POSITIVE_INFINITY : source.sizeBytes;
}
