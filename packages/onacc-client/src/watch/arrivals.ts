import type { DirectoryNode } from './directory-tree.js';

/** A directory that came after the start, with everything that is found below it until it was read. */
export interface Arrival {
  readonly top: DirectoryNode;
  /** Directories of it that were marked and are still to be read. */
  unread: number;
}

/** Told once of each directory that came, when it and everything below it was marked; and of each file moved in. */
export type OnArrived = (path: string, kind: 'directory' | 'file') => void;

/**
 * Counts what is still to be read of each directory that came. Once nothing is left, all of it is marked: what is in it
 * then can be scanned in one walk, and whatever comes later is told by itself or by its own events.
 */
export class Arrivals {
  readonly #onArrived: OnArrived | undefined;
  readonly #pathOf: (node: DirectoryNode) => string | undefined;
  #state: 'silent' | 'telling' = 'silent';

  constructor(onArrived: OnArrived | undefined, pathOf: (node: DirectoryNode) => string | undefined) {
    this.#onArrived = onArrived;
    this.#pathOf = pathOf;
  }

  /** Whether anybody wants to know of files. */
  get wantsFiles(): boolean {
    return this.#onArrived !== undefined;
  }

  /** What is come upon from here on was not there at the start. */
  beginTelling(): void {
    if (this.#onArrived !== undefined) this.#state = 'telling';
  }

  /** @returns undefined where nobody is to be told */
  open(top: DirectoryNode): Arrival | undefined {
    return this.#state === 'telling' ? { top, unread: 0 } : undefined;
  }

  /** One directory of it was read. */
  onRead(arrival: Arrival): void {
    arrival.unread -= 1;
    if (arrival.unread > 0) return;
    const path = this.#pathOf(arrival.top);
    if (path !== undefined) this.#onArrived?.(path, 'directory');
  }

  onFile(path: string): void {
    if (this.#state === 'telling') this.#onArrived?.(path, 'file');
  }
}
