/** What the outside asks of a running daemon (behaviour 2.6). */
export type DaemonSignal = 'stop' | 'reload' | 'reopenLog';

const HANDLED = {
  SIGTERM: 'stop',
  SIGINT: 'stop',
  SIGUSR2: 'reload',
  SIGHUP: 'reopenLog',
} as const satisfies Partial<Record<NodeJS.Signals, DaemonSignal>>;

/**
 * Signals as a queue that one loop takes from. Each kind waits there at most once.
 *
 * Made at the very start: HUP and USR2 would otherwise end the process while it starts. What comes before the loop is
 * there to take is served then; TERM and INT end a daemon that has not come so far at once.
 */
export class Signals {
  readonly #waiting = new Set<DaemonSignal>();
  #wake: (() => void) | undefined;
  #isServing = false;

  constructor() {
    for (const [name, signal] of Object.entries(HANDLED)) {
      process.on(name, () => {
        if (signal === 'stop' && !this.#isServing) process.exit(0);
        if (this.#isServing) this.raise(signal);
      });
    }
    // A client that is gone must not end the daemon: Node ignores SIGPIPE by itself.
  }

  raise(signal: DaemonSignal): void {
    this.#waiting.add(signal);
    this.#wake?.();
  }

  /** The next signal; `stop` goes first. */
  async next(): Promise<DaemonSignal> {
    this.#isServing = true;
    while (this.#waiting.size === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const [first = 'stop'] = this.#waiting;
    const signal = this.#waiting.has('stop') ? 'stop' : first;
    this.#waiting.delete(signal);
    return signal;
  }
}
