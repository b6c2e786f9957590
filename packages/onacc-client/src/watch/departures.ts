/**
 * What left its place and may turn up elsewhere: each is given up once the grace is over, unless it was taken back.
 * Owns one timer, which keeps no process alive.
 */
export class Departures<Item> {
  readonly #graceMs: number;
  readonly #giveUp: (item: Item) => void;
  /** Each item and the end of its grace (performance.now()), in that order. */
  readonly #untilMs = new Map<Item, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(graceMs: number, giveUp: (item: Item) => void) {
    this.#graceMs = graceMs;
    this.#giveUp = giveUp;
  }

  add(item: Item): void {
    // Deleted first: an item that leaves again goes to the end of the order.
    this.#untilMs.delete(item);
    this.#untilMs.set(item, performance.now() + this.#graceMs);
    this.#timer ??= this.#startTimer();
  }

  takeBack(item: Item): void {
    this.#untilMs.delete(item);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#untilMs.clear();
  }

  #startTimer(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined;
      this.#giveUpExpired();
    }, this.#graceMs).unref();
  }

  #giveUpExpired(): void {
    const nowMs = performance.now();
    for (const [item, untilMs] of this.#untilMs) {
      if (untilMs > nowMs) break;
      this.#untilMs.delete(item);
      this.#giveUp(item);
    }
    if (this.#untilMs.size > 0) this.#timer ??= this.#startTimer();
  }
}
