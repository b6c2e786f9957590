/**
 * Fewer than libuv has threads (bin/scanner-daemon.cjs), so that walks that hang leave some for uploads. Each takes a
 * descriptor a level, and memory for names.
 */
const WALKS_MAX = 12;

/**
 * Lets a few walks over paths go on at a time, for all connections together; the others wait in line and hold nothing but
 * their argument. In clamd each keeps one of MaxThreads threads. One instance a server.
 */
export class WalkGate {
  readonly #goingOnMax: number;
  #goingOn = 0;
  readonly #waiters = new Set<() => void>();

  /** @param threadsMax MaxThreads. */
  constructor(threadsMax: number) {
    this.#goingOnMax = Math.max(1, Math.min(threadsMax, WALKS_MAX));
  }

  /**
   * Waits for a place.
   *
   * @param signal aborted when the client is gone.
   * @returns whether there is a place, to be given back with `leave`; false when the client went first.
   */
  async enter(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#goingOn < this.#goingOnMax) {
      this.#goingOn += 1;
      return true;
    }
    return await new Promise<boolean>((resolve) => {
      const onPlace = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve(true);
      };
      const onAbort = (): void => {
        this.#waiters.delete(onPlace);
        resolve(false);
      };
      this.#waiters.add(onPlace);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** A walk has ended; its place goes to whoever waits longest. */
  leave(): void {
    const [next] = this.#waiters;
    if (next === undefined) {
      this.#goingOn -= 1;
      return;
    }
    this.#waiters.delete(next);
    next();
  }
}
