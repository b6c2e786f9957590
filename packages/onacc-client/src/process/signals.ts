/** What the outside asks of a running client (behaviour 4.9, and `reload`, which clamonacc has not). */
export interface SignalActions {
  /** TERM, INT, USR2. Called once. */
  readonly stop: (signal: NodeJS.Signals) => void;
  /** One that is stopping is told so again. */
  readonly endNow: () => void;
  readonly reload: () => void;
}

/** clamonacc stops at USR2 too, whatever its manual says of it. */
const STOPPING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGUSR2'];
/** Two stop signals closer than this are one that reached us twice: from the terminal, and from whoever passes it on. */
const SAME_STOP_MS = 500;

/**
 * Takes the process's signals. Made at the very start: HUP would otherwise end the process, and USR1 make Node open its
 * debugger to everybody on the machine. Both are without effect then; TERM, INT and USR2 end a process that holds nothing
 * yet as they end any other.
 */
export class ClientSignals {
  #actions: SignalActions | undefined;
  #stoppingSinceMs: number | undefined;

  constructor() {
    process.on('SIGUSR1', () => undefined);
    process.on('SIGHUP', () => {
      if (this.#stoppingSinceMs === undefined) this.#actions?.reload();
    });
  }

  /** From here on the process holds what it has to let go of in order. Call it once. */
  serve(actions: SignalActions): void {
    this.#actions = actions;
    for (const name of STOPPING) {
      process.on(name, () => {
        this.#stop(name, actions);
      });
    }
  }

  #stop(name: NodeJS.Signals, actions: SignalActions): void {
    const nowMs = performance.now();
    if (this.#stoppingSinceMs === undefined) {
      this.#stoppingSinceMs = nowMs;
      actions.stop(name);
    } else if (nowMs - this.#stoppingSinceMs >= SAME_STOP_MS) {
      actions.endNow();
    }
  }
}
