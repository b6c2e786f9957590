import type { LimitReason } from '@portcullis/shared';

/** The limits of one scan. For the sizes and the time, 0 or undefined means no limit, as in clamd.conf(5). */
export interface ScanLimits {
  /** MaxFileSize: a larger file is skipped. */
  readonly maxFileSizeBytes: number;
  /** MaxScanSize: all bytes of the input and of what is unpacked from it. */
  readonly maxScanSizeBytes: number;
  /** MaxScanTime as a point on the clock of {@link ScanBudgetOptions.nowMs}. */
  readonly deadlineAtMs: number | undefined;
}

/** What a budget measures with. */
export interface ScanBudgetOptions {
  readonly limits: ScanLimits;
  /** A monotonic clock, milliseconds. */
  readonly nowMs: () => number;
  /** Polled where the clock is: true once nobody waits for the answer any more. */
  readonly isCancelled?: () => boolean;
}

/**
 * One object a scan: matchers and unpackers draw on it, and it remembers the first limit that was met.
 * A later limit never replaces an earlier one.
 */
export class ScanBudget {
  readonly #options: ScanBudgetOptions;
  #scannedBytes = 0;
  #exceeded: LimitReason | undefined;
  #isEnded = false;

  constructor(options: ScanBudgetOptions) {
    this.#options = options;
  }

  /** The first limit met, or undefined while the scan may go on. */
  get exceeded(): LimitReason | undefined {
    return this.#exceeded;
  }

  /**
   * Asks to scan a file (or an unpacked layer) of `sizeBytes`. A refused one is skipped whole: clamd 1.4.6
   * finds nothing in it either, not even in its first bytes (observed for both limits).
   *
   * @returns true when the file may be scanned; its bytes are then charged.
   */
  admitFile(sizeBytes: number): boolean {
    const { maxFileSizeBytes, maxScanSizeBytes } = this.#options.limits;
    if (maxFileSizeBytes > 0 && sizeBytes > maxFileSizeBytes) return this.#refuse('fileTooLarge');
    if (maxScanSizeBytes > 0 && this.#scannedBytes + sizeBytes > maxScanSizeBytes)
      return this.#refuse('scanTooLarge');
    this.#scannedBytes += sizeBytes;
    return true;
  }

  /**
   * Looks at the clock and at the cancel flag. Called at least once per MiB of work.
   *
   * @returns true while the scan may go on. False also when time ran out at an earlier call.
   */
  mayContinue(): boolean {
    if (this.#isEnded) return false;
    const { deadlineAtMs } = this.#options.limits;
    if (this.#options.isCancelled?.() === true) this.#isEnded = !this.#refuse('cancelled');
    else if (deadlineAtMs !== undefined && this.#options.nowMs() >= deadlineAtMs)
      this.#isEnded = !this.#refuse('timeLimit');
    return !this.#isEnded;
  }

  #refuse(reason: LimitReason): false {
    this.#exceeded ??= reason;
    return false;
  }
}
