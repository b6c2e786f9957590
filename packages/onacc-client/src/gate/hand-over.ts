/** Descriptors on loan to the main thread at a time; beyond that an action is skipped, and reported as skipped. */
const HANDED_OVER_MAX = 64;

/** Counts the descriptors of infected files that the gates have handed over and the main thread has not closed yet. */
export class HandOver {
  readonly #count: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#count = new Int32Array(memory);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  }

  get handedOver(): number {
    return Atomics.load(this.#count, 0);
  }

  /** @returns false when as many are out as may be */
  take(): boolean {
    if (Atomics.add(this.#count, 0, 1) < HANDED_OVER_MAX) return true;
    Atomics.sub(this.#count, 0, 1);
    return false;
  }

  /** One has been closed. */
  giveBack(): void {
    Atomics.sub(this.#count, 0, 1);
  }
}
