import type { LoadedDatabase } from './loaded-database.js';

/** A database in service. The generation starts at 1 and grows by one with every swap. */
export interface DatabaseGeneration {
  readonly generation: number;
  readonly loaded: LoadedDatabase;
}

/** Told of each database that goes into service, after it has. */
export type SwapListener = (current: DatabaseGeneration) => void;

/** Which database new scans get. Running ones keep theirs: it lives as long as something refers to it. */
export class DatabaseHolder {
  #current: DatabaseGeneration;
  readonly #listeners = new Set<SwapListener>();

  constructor(loaded: LoadedDatabase) {
    this.#current = { generation: 1, loaded };
  }

  get current(): DatabaseGeneration {
    return this.#current;
  }

  /** Puts a database into service, then tells the listeners in the order in which they came. */
  swap(loaded: LoadedDatabase): DatabaseGeneration {
    this.#current = { generation: this.#current.generation + 1, loaded };
    for (const listener of this.#listeners) listener(this.#current);
    return this.#current;
  }

  /** @returns what removes the listener again. */
  onSwap(listener: SwapListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
