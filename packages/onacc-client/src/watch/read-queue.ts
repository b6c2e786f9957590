/**
 * Directories waiting to be read, and how many are read at once. The newest comes first, so that the list stays about
 * as long as the tree is wide. Bounded by its user: a directory is pushed once a walk.
 */
export class ReadQueue<Item> {
  readonly #read: (item: Item) => Promise<void>;
  readonly #lanesMax: number;
  readonly #waiting: Item[] = [];
  #lanes = 0;
  #idleListeners: (() => void)[] = [];

  /**
   * @param read - must not reject: whatever it throws is a bug and ends the process.
   * @param lanesMax - at least 1
   */
  constructor(read: (item: Item) => Promise<void>, lanesMax: number) {
    this.#read = read;
    this.#lanesMax = lanesMax;
  }

  push(item: Item): void {
    this.#waiting.push(item);
    if (this.#lanes >= this.#lanesMax) return;
    this.#lanes += 1;
    void this.#runLane();
  }

  /** Forgets what has not been begun. */
  clear(): void {
    this.#waiting.length = 0;
  }

  /** Resolves when nothing is waiting and nothing is being read. */
  whenIdle(): Promise<void> {
    if (this.#lanes === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleListeners.push(resolve));
  }

  async #runLane(): Promise<void> {
    for (let item = this.#waiting.pop(); item !== undefined; item = this.#waiting.pop()) {
      await this.#read(item);
    }
    this.#lanes -= 1;
    if (this.#lanes > 0) return;
    const listeners = this.#idleListeners;
    this.#idleListeners = [];
    for (const listener of listeners) listener();
  }
}
