/**
 * Counts the MULTISCANs of directories under way. In clamd each of them keeps a thread busy that hands out the files, so
 * at most MaxThreads - 1 may run, and with MaxThreads 1 none (behaviour 1.9). We need no such thread, but who set
 * MaxThreads to bound the work of strangers relies on it. One instance a server.
 */
export class MultiscanGate {
  readonly #runningMax: number;
  #running = 0;

  /** @param threadsMax MaxThreads. */
  constructor(threadsMax: number) {
    this.#runningMax = threadsMax - 1;
  }

  /** @returns whether one more may run; it is to be released then, once. */
  acquire(): boolean {
    if (this.#running >= this.#runningMax) return false;
    this.#running += 1;
    return true;
  }

  release(): void {
    this.#running -= 1;
  }
}
