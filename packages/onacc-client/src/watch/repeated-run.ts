/**
 * One run at a time. A call while one is under way is made good by one more run after it, however many calls there were.
 */
export class RepeatedRun {
  readonly #body: () => Promise<void>;
  readonly #pause: () => Promise<unknown>;
  #running: Promise<void> | undefined;
  #isOwed = false;

  /** @param pause - waited for before each further run */
  constructor(body: () => Promise<void>, pause: () => Promise<unknown> = () => Promise.resolve()) {
    this.#body = body;
    this.#pause = pause;
  }

  /** Resolves when no run is owed any more; rejects as the run did. */
  run(): Promise<void> {
    if (this.#running !== undefined) {
      this.#isOwed = true;
      return this.#running;
    }
    this.#running = this.#runUntilDone().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #runUntilDone(): Promise<void> {
    for (;;) {
      this.#isOwed = false;
      await this.#body();
      if (!this.#takeOwed()) return;
      await this.#pause();
    }
  }

  #takeOwed(): boolean {
    return this.#isOwed;
  }
}

/** For a promise that nobody waits for where nobody was named to be told: it goes on as an unhandled rejection. */
export function rethrow(error: unknown): never {
  throw error;
}
