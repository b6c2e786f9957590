/** Something with output that waits for the end of the turn. */
export interface Flushable {
  flush(): void;
}

/**
 * Runs `flush` of everything that asked for it, once, at the end of this turn of the event loop. So the replies that
 * one turn produces for a client leave in one send. One instance a server.
 */
export class TurnEnd {
  #waiting: Flushable[] = [];

  /** The caller asks once until it was flushed. */
  add(flushable: Flushable): void {
    if (this.#waiting.push(flushable) === 1) setImmediate(this.#run);
  }

  readonly #run = (): void => {
    const flushing = this.#waiting;
    this.#waiting = [];
    for (const flushable of flushing) flushable.flush();
  };
}
