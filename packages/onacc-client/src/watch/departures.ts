/**
 * What left its place and may turn up elsewhere: each is given up once the grace is over, unless it was taken back.
 * Owns one timer, which keeps no process alive.
 */
export class Departures<Item> {
  readonly #graceMs: number;
  readonly #giveUp: (items: readonly Item[]) => void;
  /** Each item and the end of its grace (performance.now()), in that order. */
  readonly #untilMs = new Map<Item, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param giveUp - gets all whose grace is over, in the order in which they left */
  constructor(graceMs: number, giveUp: (items: readonly Item[]) => void) {
    this.#graceMs = graceMs;
    this.#giveUp = giveUp;
  }

  add(item: Item): void {
    // Deleted first: an item that leaves again goes to the end of the order.
    this.#untilMs.delete(item);
    this.#untilMs.set(item, performance.now() + this.#graceMs);
    this.#timer ??= this.#startTimer(this.#graceMs);
  }

  takeBack(item: Item): void {
    this.#untilMs.delete(item);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#untilMs.clear();
  }

  #startTimer(waitMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined;
      this.#giveUpExpired();
    }, waitMs).unref();
  }

  #giveUpExpired(): void {
    const nowMs = performance.now();
    const expired: Item[] = [];
    for (const [item, untilMs] of this.#untilMs) {
      if (untilMs > nowMs) break;
      this.#untilMs.delete(item);
      expired.push(item);
    }
    if (expired.length > 0) this.#giveUp(expired);
    const [nextMs] = this.#untilMs.values();
    // A millisecond more: timers may be early by a fraction of one.
    if (nextMs !== undefined) this.#timer ??= this.#startTimer(Math.max(0, nextMs - nowMs) + 1);
  }
}
