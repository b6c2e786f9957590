/** How often memory is looked at while a database is loaded. */
const SAMPLE_EVERY_MS = 50;
/** When the old database has been swapped out, its memory goes with the next collections of garbage. */
const SETTLE_MS = 5000;

/** What a reload did to resident memory, bytes. */
export interface ReloadMemoryReport {
  readonly rssBeforeBytes: number;
  /** The most that was seen while loading, swap included. */
  readonly rssPeakBytes: number;
  /** A few seconds after the reload, or when the next one began. */
  readonly rssAfterBytes: number;
}

export interface ReloadMemoryOptions {
  readonly onReport: (report: ReloadMemoryReport) => void;
  readonly rssBytes?: () => number;
  readonly sampleEveryMs?: number;
  readonly settleMs?: number;
}

/** Watches resident memory from `begin` until some time after `end`. */
export class ReloadMemory {
  readonly #options: Required<ReloadMemoryOptions>;
  #watched: { readonly beforeBytes: number; peakBytes: number } | undefined;
  #sampler: NodeJS.Timeout | undefined;
  #settling: NodeJS.Timeout | undefined;

  constructor(options: ReloadMemoryOptions) {
    const defaults = {
      rssBytes: () => process.memoryUsage.rss(),
      sampleEveryMs: SAMPLE_EVERY_MS,
      settleMs: SETTLE_MS,
    };
    this.#options = { ...defaults, ...options };
  }

  begin(): void {
    this.#report();
    const beforeBytes = this.#options.rssBytes();
    this.#watched = { beforeBytes, peakBytes: beforeBytes };
    this.#sampler = setInterval(() => {
      this.#sample();
    }, this.#options.sampleEveryMs);
    this.#sampler.unref();
  }

  /** The database is in service, or was given up. */
  end(): void {
    if (this.#watched === undefined) return;
    clearInterval(this.#sampler);
    this.#sample();
    this.#settling = setTimeout(() => {
      this.#report();
    }, this.#options.settleMs);
    this.#settling.unref();
  }

  /** Forgets what is under way. */
  stop(): void {
    clearInterval(this.#sampler);
    clearTimeout(this.#settling);
    this.#watched = undefined;
  }

  #sample(): number {
    const bytes = this.#options.rssBytes();
    if (this.#watched !== undefined) this.#watched.peakBytes = Math.max(this.#watched.peakBytes, bytes);
    return bytes;
  }

  #report(): void {
    if (this.#watched === undefined) return;
    const rssAfterBytes = this.#options.rssBytes();
    const { beforeBytes: rssBeforeBytes, peakBytes: rssPeakBytes } = this.#watched;
    this.stop();
    this.#options.onReport({ rssBeforeBytes, rssPeakBytes, rssAfterBytes });
  }
}
