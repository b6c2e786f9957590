import type { ScanVerdict } from '@portcullis/shared';
import type { DaemonStats } from '../stats/daemon-stats.js';
import type { FailureReason } from '../failure-actions.js';
import { engineErrorText } from './engine-error-text.js';
import type { WorkerStartup } from './messages.js';
import { batchWeightBytes, PendingJob, releaseSource } from './pending-job.js';
import type { PoolWorker, PoolWorkerEvents } from './pool-worker.js';
import type { ScanJob, Scanner } from './scan-job.js';
import { ScanQueue } from './scan-queue.js';

export interface ScanPoolOptions {
  /** Starts one that scans, on the database that is in use by then. */
  readonly startWorker: (events: PoolWorkerEvents) => PoolWorker;
  /** The most jobs that a worker is given at a time. */
  readonly batchJobsMax: number;
  readonly threads: number;
  /** The most jobs that wait, after clamd's adjustment. */
  readonly queueLimit: number;
  /** A worker that is on one job for longer is terminated. MaxScanTime plus a grace; the engine stops by itself before. */
  readonly hangAfterMs: number;
  readonly stats: DaemonStats;
  /** Counts, logs, and ends the daemon where nothing else is left. */
  readonly onFailure: (reason: FailureReason, cause?: unknown) => void;
}

/** A job whose workers die before they have begun it is tried this many times more. */
const REQUEUES_MAX = 1;
/** Jobs of at most this many bytes together share a message: waking a thread costs as much as scanning a small file. */
const BATCH_BYTES_MAX = 256 * 1024;
const CLOCK_TICK_MS = 100;
const JOB_ID_MAX = 0x7fff_ffff;
/** How long `stop` waits for terminated threads to be gone; one that the kernel holds ends with the process. */
const TERMINATION_WAIT_MS = 1000;
/** Threads that were terminated and are still held by the kernel, for each thread of the pool. */
const LINGERING_PER_THREAD_MAX = 4;

/**
 * The scan threads and the queue in front of them (after piscina, house-style.md I.3: long-lived database per thread, descriptors lent to it).
 *
 * Every job is reported exactly once, whatever its worker does: a worker that dies fails the job it was on, a worker
 * that hangs is terminated and its job fails; both are replaced. A worker that dies before it ever served is not
 * replaced until the next database comes, since the next one would die of the same.
 */
export class ScanPool implements Scanner {
  readonly #options: ScanPoolOptions;
  readonly #queue: ScanQueue<PendingJob>;
  readonly #workers = new Set<PoolWorker>();
  /** Terminated, not yet gone: they may still read what their jobs lent them. */
  readonly #lingering = new Map<PoolWorker, PendingJob[]>();
  #lastJobId = 0;
  #clock: NodeJS.Timeout | undefined;
  #state: 'open' | 'draining' | 'closed' = 'open';
  #isSuspended = false;
  #wakeStarter: (() => void) | undefined;
  #wakeDrainer: (() => void) | undefined;

  constructor(options: ScanPoolOptions) {
    this.#options = options;
    this.#queue = new ScanQueue(options.queueLimit);
  }

  /** Starts the threads. Resolves when each of them serves or has failed to. @returns how many serve. */
  async start(): Promise<number> {
    this.#fill();
    const settled = (): boolean => [...this.#workers].every((worker) => worker.state !== 'starting');
    while (!settled()) {
      await new Promise<void>((resolve) => {
        this.#wakeStarter = resolve;
      });
    }
    return this.#workers.size;
  }

  submit(job: ScanJob): void {
    if (job.signal?.aborted === true) {
      this.#refuse(job, { kind: 'incomplete', reason: 'cancelled' });
      return;
    }
    if (this.#state !== 'open' || this.#isSuspended || this.#workers.size === 0) {
      this.#refuse(job, failed(engineErrorText.aborted));
      return;
    }
    const pending = new PendingJob(this.#nextJobId(), job, this.#options.stats, (aborted) => {
      this.#cancel(aborted);
    });
    if (!this.#queue.push(pending, job.priority)) {
      this.#options.onFailure('queueFull');
      this.#settle(pending, failed(engineErrorText.outOfMemory));
      return;
    }
    pending.enqueued();
    this.#dispatch();
  }

  /** Scans that begin after this use `database`; those under way finish on the one they have. */
  replaceDatabase(database: WorkerStartup['database']): void {
    for (const worker of this.#workers) worker.attachDatabase(database);
    if (this.#state === 'open') this.#fill();
  }

  /** Nobody will scan for long: what waits, and what comes until {@link resume}, is answered with an error. */
  suspend(): void {
    this.#isSuspended = true;
    this.#failQueued();
  }

  resume(): void {
    this.#isSuspended = false;
  }

  /**
   * Takes no new job, drops those that wait, and gives the running ones `graceMs` to finish before their threads are
   * terminated. Every job has reported when this resolves.
   */
  async stop(graceMs: number): Promise<void> {
    this.#state = 'draining';
    this.#failQueued();
    if (this.#isBusy()) await this.#untilWoken(graceMs);
    this.#state = 'closed';
    clearInterval(this.#clock);
    this.#clock = undefined;
    for (const worker of [...this.#workers]) this.#abandon(worker, engineErrorText.aborted);
    if (this.#lingering.size > 0) await this.#untilWoken(TERMINATION_WAIT_MS);
  }

  async #untilWoken(atMostMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, atMostMs);
      this.#wakeDrainer = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #isBusy(): boolean {
    return [...this.#workers].some((worker) => worker.state === 'busy');
  }

  #fill(): void {
    while (this.#workers.size < this.#options.threads) this.#spawn();
    this.#reportThreads();
  }

  /** At most one thread for one that went, so that threads which die while starting are not started over and over. */
  #replaceOne(): void {
    if (this.#workers.size < this.#options.threads) this.#spawn();
    this.#reportThreads();
  }

  #spawn(): void {
    const events: PoolWorkerEvents = {
      onReady: () => {
        this.#dispatch();
        this.#wakeStarter?.();
      },
      onIdle: () => {
        this.#dispatch();
        if (!this.#isBusy()) this.#wakeDrainer?.();
      },
      onGone: (worker, cause) => {
        this.#onGone(worker, cause);
      },
    };
    this.#workers.add(this.#options.startWorker(events));
  }

  #dispatch(): void {
    if (this.#state !== 'open' || this.#queue.length === 0) return;
    const nowMs = performance.now();
    for (const worker of this.#workers) {
      if (worker.state !== 'idle') continue;
      const batch = this.#takeBatch();
      if (batch.length === 0) return;
      worker.assign(batch, nowMs);
      this.#clock ??= setInterval(() => {
        this.#tick();
      }, CLOCK_TICK_MS);
    }
  }

  /** One job, and more behind it while all of them are small and no thread would go without. */
  #takeBatch(): PendingJob[] {
    const batch: PendingJob[] = [];
    const share = Math.ceil(this.#queue.length / Math.max(1, this.#workers.size));
    let bytes = 0;
    while (batch.length < Math.min(this.#options.batchJobsMax, share)) {
      const next = this.#queue.peek();
      if (next === undefined) break;
      bytes += batchWeightBytes(next.job.source);
      if (batch.length > 0 && bytes > BATCH_BYTES_MAX) break;
      this.#queue.take();
      batch.push(next);
    }
    return batch;
  }

  #tick(): void {
    const nowMs = performance.now();
    for (const worker of [...this.#workers]) {
      if (worker.stuckMs(nowMs) <= this.#options.hangAfterMs) continue;
      this.#options.onFailure('workerHung');
      this.#abandon(worker, engineErrorText.timeLimit);
      if (this.#lingering.size <= this.#options.threads * LINGERING_PER_THREAD_MAX) this.#replaceOne();
    }
    if (this.#isBusy()) return;
    clearInterval(this.#clock);
    this.#clock = undefined;
  }

  /** Terminates a worker and answers for it now; what its running job holds is let go when the thread is gone. */
  #abandon(worker: PoolWorker, message: string): void {
    const running = worker.runningJob;
    const held: PendingJob[] = [];
    for (const pending of worker.jobs) {
      if (pending === running || this.#state !== 'open') {
        held.push(pending);
        pending.report(failed(message));
      } else {
        this.#retry(pending);
      }
    }
    this.#workers.delete(worker);
    this.#lingering.set(worker, held);
    worker.terminate();
  }

  #onGone(worker: PoolWorker, cause: unknown): void {
    const held = this.#lingering.get(worker);
    if (held !== undefined) {
      this.#lingering.delete(worker);
      for (const pending of held) pending.releaseSource();
      if (this.#state === 'open' && worker.everReady) this.#replaceOne();
      if (this.#lingering.size === 0) this.#wakeDrainer?.();
      return;
    }
    this.#workers.delete(worker);
    const running = worker.runningJob;
    for (const pending of worker.jobs) {
      if (pending === running) this.#settle(pending, failed(engineErrorText.aborted));
      else this.#retry(pending);
    }
    this.#options.onFailure(worker.everReady ? 'workerCrashed' : 'workerBrokenStart', cause);
    if (worker.everReady && this.#state === 'open') this.#replaceOne();
    this.#reportThreads();
    this.#wakeStarter?.();
    if (!this.#isBusy()) this.#wakeDrainer?.();
    if (this.#workers.size === 0 && this.#state === 'open') this.#allThreadsLost();
    this.#dispatch();
  }

  #allThreadsLost(): void {
    this.#failQueued();
    this.#options.onFailure('noWorkersLeft');
  }

  #failQueued(): void {
    for (let next = this.#queue.take(); next !== undefined; next = this.#queue.take()) {
      this.#settle(next, failed(engineErrorText.aborted));
    }
  }

  #retry(pending: PendingJob): void {
    pending.requeues += 1;
    const again =
      this.#state === 'open' &&
      pending.requeues <= REQUEUES_MAX &&
      this.#queue.push(pending, pending.job.priority);
    if (again) pending.enqueued();
    else this.#settle(pending, failed(engineErrorText.aborted));
  }

  #cancel(pending: PendingJob): void {
    if (this.#queue.remove(pending)) {
      this.#settle(pending, { kind: 'incomplete', reason: 'cancelled' });
      return;
    }
    for (const worker of this.#workers) worker.cancel(pending);
  }

  /** Nobody else can reach the source any more: it goes before the report does. */
  #settle(pending: PendingJob, verdict: ScanVerdict): void {
    pending.releaseSource();
    pending.report(verdict);
  }

  #refuse(job: ScanJob, verdict: ScanVerdict): void {
    releaseSource(job.source);
    job.onVerdict(verdict);
  }

  #nextJobId(): number {
    this.#lastJobId = this.#lastJobId >= JOB_ID_MAX ? 1 : this.#lastJobId + 1;
    return this.#lastJobId;
  }

  #reportThreads(): void {
    this.#options.stats.threads(this.#workers.size, this.#options.threads);
  }
}

function failed(message: string): ScanVerdict {
  return { kind: 'failed', message };
}
