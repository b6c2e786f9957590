import type { LimitReason } from '@portcullis/shared';

/** The limits of one scan. For sizes, counts and the time, 0 or undefined means no limit, as in clamd.conf(5). */
export interface ScanLimits {
  /** MaxFileSize: a larger file is skipped. */
  readonly maxFileSizeBytes: number;
  /** MaxScanSize: all bytes of the input and of what is unpacked from it. */
  readonly maxScanSizeBytes: number;
  /** MaxFiles: files of one scan, the input itself being the first. */
  readonly maxFiles?: number | undefined;
  /** MaxRecursion: levels of one scan, the input itself being the first. */
  readonly maxRecursion?: number | undefined;
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

/** No entry unpacks to more, whatever the configuration says: it is held in memory whole. */
export const UNPACKED_SIZE_MAX_BYTES = 1024 * 1024 * 1024;

/**
 * One object a scan: matchers and unpackers draw on it, and it remembers the first limit that was met.
 * A later limit never replaces an earlier one.
 */
export class ScanBudget {
  readonly #options: ScanBudgetOptions;
  #scannedBytes = 0;
  #files = 0;
  #depth = 1;
  #exceeded: LimitReason | undefined;
  #isEnded = false;
  #isSpent = false;

  constructor(options: ScanBudgetOptions) {
    this.#options = options;
  }

  /** The first limit met, or undefined while the scan may go on. */
  get exceeded(): LimitReason | undefined {
    return this.#exceeded;
  }

  /**
   * True once no further file can be admitted: MaxScanSize or MaxFiles was met, time is up, nobody waits.
   * clamscan 1.4.6 then leaves the rest of every container alone, even what would still fit (observed).
   */
  get isSpent(): boolean {
    return this.#isSpent || this.#isEnded;
  }

  /** Bytes that one entry may unpack to: MaxFileSize, or what is left of MaxScanSize where that is less. */
  get unpackLimitBytes(): number {
    const { maxFileSizeBytes } = this.#options.limits;
    const fileLimitBytes = maxFileSizeBytes > 0 ? maxFileSizeBytes : UNPACKED_SIZE_MAX_BYTES;
    return Math.min(fileLimitBytes, UNPACKED_SIZE_MAX_BYTES, this.#scanBytesLeft);
  }

  /**
   * Asks to scan a file (or an unpacked layer) of `sizeBytes`. A refused one is skipped whole: clamd 1.4.6
   * finds nothing in it either, not even in its first bytes (observed for both limits).
   *
   * @returns true when the file may be scanned; its bytes are then charged and it counts as a file.
   */
  admitFile(sizeBytes: number): boolean {
    const { maxFileSizeBytes, maxFiles = 0 } = this.#options.limits;
    if (maxFiles > 0 && this.#files >= maxFiles) return this.#spend('tooManyFiles');
    if (maxFileSizeBytes > 0 && sizeBytes > maxFileSizeBytes) return this.#refuse('fileTooLarge');
    if (sizeBytes > this.#scanBytesLeft) return this.#spend('scanTooLarge');
    this.#scannedBytes += sizeBytes;
    this.#files += 1;
    return true;
  }

  /**
   * Notes that an entry unpacks to more than {@link unpackLimitBytes}, and which limit that was.
   *
   * @returns the limit; after `scanTooLarge` the budget is spent.
   */
  refuseUnpacked(): 'fileTooLarge' | 'scanTooLarge' {
    const { maxFileSizeBytes } = this.#options.limits;
    const fileLimitBytes = maxFileSizeBytes > 0 ? maxFileSizeBytes : UNPACKED_SIZE_MAX_BYTES;
    if (this.#scanBytesLeft < fileLimitBytes) {
      this.#spend('scanTooLarge');
      return 'scanTooLarge';
    }
    this.#refuse('fileTooLarge');
    return 'fileTooLarge';
  }

  /** Notes a limit that an unpacker met by itself, such as the memory of a decoder. */
  note(reason: LimitReason): void {
    this.#refuse(reason);
  }

  /**
   * Goes one level deeper: asked before what a container holds is scanned. MaxRecursion 1 allows the input
   * alone, 2 the entries of a container (observed). Each `true` is followed by one {@link leave}.
   */
  enter(): boolean {
    const { maxRecursion = 0 } = this.#options.limits;
    if (maxRecursion > 0 && this.#depth >= maxRecursion) return this.#refuse('tooDeep');
    this.#depth += 1;
    return true;
  }

  /** Comes back from the level that {@link enter} allowed. */
  leave(): void {
    this.#depth -= 1;
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

  get #scanBytesLeft(): number {
    const { maxScanSizeBytes } = this.#options.limits;
    return maxScanSizeBytes > 0 ? maxScanSizeBytes - this.#scannedBytes : Infinity;
  }

  #spend(reason: LimitReason): false {
    this.#isSpent = true;
    return this.#refuse(reason);
  }

  #refuse(reason: LimitReason): false {
    this.#exceeded ??= reason;
    return false;
  }
}
