const SHORTEST_MS = 500;
const LONGEST_MS = 10_000;
/** One that served for so long died of something else than its start. */
const STEADY_MS = 60_000;

/**
 * How long to wait before a host is started again: not at all for the first death in a while, then twice as long each time.
 * The longest is short: what kills libclamav may be a file that somebody sends over and over, and everybody waits.
 */
export class RestartDelay {
  readonly #nowMs: () => number;
  #servedSinceMs: number | undefined;
  #nextMs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#servedSinceMs = nowMs();
  }

  /** It has come back. */
  served(): void {
    this.#servedSinceMs = this.#nowMs();
  }

  /** It has died, or did not come back. @returns milliseconds */
  next(): number {
    if (this.#servedSinceMs !== undefined && this.#nowMs() - this.#servedSinceMs >= STEADY_MS)
      this.#nextMs = 0;
    this.#servedSinceMs = undefined;
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, delayMs * 2));
    return delayMs;
  }
}
