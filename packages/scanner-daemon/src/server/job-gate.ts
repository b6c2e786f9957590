/** Somebody with a scan to submit, who was told to wait. */
export interface SlotWaiter {
  /** A slot is the waiter's now. */
  onSlot(): void;
}

/**
 * Counts the scan jobs that are pending for all connections together (MaxQueue). Where clamd blocks everybody when the
 * queue is full (behaviour 1.9), here only those who want to scan wait, in order. One instance a server.
 */
export class JobGate {
  readonly #pendingMax: number;
  #pending = 0;
  #waiters = new Set<SlotWaiter>();
  #wakeScheduled = false;

  constructor(pendingMax: number) {
    this.#pendingMax = Math.max(1, pendingMax);
  }

  get pending(): number {
    return this.#pending;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** @returns whether the caller has a slot; if not, it is called back. A waiter waits for one slot at a time. */
  acquire(waiter: SlotWaiter): boolean {
    if (this.#pending < this.#pendingMax && this.#waiters.size === 0) {
      this.#pending += 1;
      return true;
    }
    this.#waiters.add(waiter);
    return false;
  }

  /** The waiter is gone. Does nothing when it waits for nothing. */
  forget(waiter: SlotWaiter): void {
    this.#waiters.delete(waiter);
  }

  /** A job has reported. Waiters are called from a microtask, so that a scan answered at once recurses nowhere. */
  release(): void {
    this.#pending -= 1;
    if (this.#waiters.size === 0 || this.#wakeScheduled) return;
    this.#wakeScheduled = true;
    queueMicrotask(this.#wake);
  }

  readonly #wake = (): void => {
    this.#wakeScheduled = false;
    for (const waiter of this.#waiters) {
      if (this.#pending >= this.#pendingMax) return;
      this.#waiters.delete(waiter);
      this.#pending += 1;
      waiter.onSlot();
    }
  };
}
