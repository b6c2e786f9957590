import type { ScanVerdict } from '@portcullis/shared';
import type { DaemonStats } from '../stats/daemon-stats.js';
import type { FailureReason } from '../failure-actions.js';
import { engineErrorText } from './engine-error-text.js';
import type { ReadCachedFile } from './cached-file.js';
import type { RequestSource } from './messages.js';
import { releaseSource } from './pending-job.js';
import type { ScanJob, Scanner, ScanSource } from './scan-job.js';

export interface InlineLaneOptions {
  /** SCANNER_INLINE_MAX_BYTES; 0 turns the lane off. */
  readonly maxBytes: number;
  /** Where everything goes that the lane does not take. */
  readonly workers: Scanner;
  /**
   * Scans on this thread, within {@link INLINE_SCAN_MAX_MS}. Throws only for a bug in the engine.
   * @returns an `incomplete` verdict when that was not enough.
   */
  readonly scan: (source: RequestSource, allMatch: boolean) => ScanVerdict;
  readonly readCached: ReadCachedFile;
  readonly stats: DaemonStats;
  readonly onFailure: (reason: FailureReason, cause?: unknown) => void;
  /** Monotonic, milliseconds. */
  readonly nowMs: () => number;
  /** Calls back in the next turn of the event loop; setImmediate. */
  readonly nextTurn: (callback: () => void) => void;
}

/** Work of this lane in one turn of the event loop. Past it jobs go to the workers, so that PING stays prompt. */
const INLINE_TURN_MAX_MS = 2;
/** MaxScanTime of the lane's own engine: a small file that takes longer belongs to a worker. */
export const INLINE_SCAN_MAX_MS = 10;

/**
 * Scans small sources on the main thread, inside `submit`, because waking a worker costs more than such a scan
 * (docs/decisions/0002-inline-lane.md). What it cannot finish in its small limits a worker scans again in the real ones.
 */
export class InlineLane implements Scanner {
  readonly #options: InlineLaneOptions;
  #spentMs = 0;
  #turnEnds = false;

  constructor(options: InlineLaneOptions) {
    this.#options = options;
  }

  submit(job: ScanJob): void {
    const verdict = this.#takes(job) ? this.#scan(job) : undefined;
    if (verdict === undefined) {
      this.#options.workers.submit(job);
      return;
    }
    // The report first: the log still looks at the descriptor, and nobody waits for its closing.
    job.onVerdict(verdict);
    releaseSource(job.source);
  }

  /** Whoever submits is still there, and nothing is cancelled here: the job's signal is not even asked for. */
  #takes({ source }: ScanJob): boolean {
    if (source.kind === 'path' || source.sizeBytes > this.#options.maxBytes || this.#options.maxBytes === 0)
      return false;
    return this.#spentMs < INLINE_TURN_MAX_MS;
  }

  /** What can be scanned here and now; undefined when its bytes would have to be waited for. */
  #inMemory(source: ScanSource): RequestSource | undefined {
    switch (source.kind) {
      case 'fd':
        return this.#options.readCached(source.fd.borrow(), source.sizeBytes);
      case 'memory':
        return source;
      case 'path':
        return undefined;
    }
  }

  /** @returns undefined when a worker has to look at it. */
  #scan(job: ScanJob): ScanVerdict | undefined {
    const { nowMs } = this.#options;
    const startedAtMs = nowMs();
    const source = this.#inMemory(job.source);
    const verdict = source === undefined ? undefined : this.#judge(job, source);
    this.#spend(nowMs() - startedAtMs);
    return verdict;
  }

  #judge(job: ScanJob, source: RequestSource): ScanVerdict | undefined {
    const { scan, stats, onFailure } = this.#options;
    const task = stats.started(job.task, job.label);
    try {
      const verdict = scan(source, job.allMatch);
      return verdict.kind === 'incomplete' ? undefined : verdict;
    } catch (cause) {
      onFailure('inlineScanCrashed', cause);
      return { kind: 'failed', message: engineErrorText.unspecified };
    } finally {
      stats.ended(task);
    }
  }

  #spend(durationMs: number): void {
    this.#spentMs += durationMs;
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    this.#options.nextTurn(() => {
      this.#turnEnds = false;
      this.#spentMs = 0;
    });
  }
}
