import type { HeldEvent } from './flights.js';

/** Held events by deadline. All wait for equally long, so a new one is nearly always the last, and no timer is needed for each. */
export class Deadlines {
  #events: HeldEvent[] = [];
  #head = 0;

  add(event: HeldEvent): void {
    this.#events.push(event);
    // One that was taken over has waited for a while already.
    for (let at = this.#events.length - 1; at > this.#head; at -= 1) {
      const before = this.#events[at - 1];
      if (before === undefined || before.deadlineAtMs <= event.deadlineAtMs) break;
      this.#events[at] = before;
      this.#events[at - 1] = event;
    }
  }

  /** Takes the next unsettled event whose deadline has passed; undefined when there is none. */
  nextExpired(nowMs: number): HeldEvent | undefined {
    for (;;) {
      const event = this.#events[this.#head];
      if (event === undefined || (!event.settled && event.deadlineAtMs > nowMs)) break;
      this.#head += 1;
      if (!event.settled) return event;
    }
    this.#compact();
    return undefined;
  }

  /** Takes every unsettled event, whatever its deadline. */
  takeAll(): HeldEvent[] {
    const unsettled = this.#events.slice(this.#head).filter((event) => !event.settled);
    this.#events = [];
    this.#head = 0;
    return unsettled;
  }

  /** Settled events at the front are dropped in bulk, so that the list stays as long as what is under way. */
  #compact(): void {
    if (this.#head < 1024 && this.#head * 2 < this.#events.length) return;
    this.#events = this.#events.slice(this.#head);
    this.#head = 0;
  }
}
