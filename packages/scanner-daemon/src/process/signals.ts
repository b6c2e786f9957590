/** What the outside asks of a running daemon (behaviour 2.6). */
export type DaemonSignal = 'stop' | 'reload' | 'reopenLog';

const HANDLED = {
  SIGTERM: 'stop',
  SIGINT: 'stop',
  SIGUSR2: 'reload',
  SIGHUP: 'reopenLog',
} as const satisfies Partial<Record<NodeJS.Signals, DaemonSignal>>;

/**
 * What clamd blocks. Left alone most of them end the process, and USR1 makes Node open its debugger to everybody on the
 * machine.
 */
const WITHOUT_EFFECT: readonly NodeJS.Signals[] = [
  'SIGUSR1',
  'SIGQUIT',
  'SIGALRM',
  'SIGVTALRM',
  'SIGIO',
  'SIGPWR',
  'SIGSTKFLT',
  'SIGXCPU',
  'SIGTTIN',
  'SIGTTOU',
];

/** Two stop signals closer than this are one that reached us twice: from the terminal, and from whoever passes it on. */
const SAME_STOP_MS = 500;
/** A stop that was asked for twice was not orderly. */
const IMPATIENT_EXIT_CODE = 1;

/**
 * Signals as a queue that one loop takes from. Each kind waits there at most once.
 *
 * Made at the very start: HUP and USR2 would otherwise end the process while it starts. They have no effect before the
 * loop takes its first signal; TERM and INT end a daemon that has not come so far at once. One that is stopping ends at
 * once when it is told to stop a second time.
 */
export class Signals {
  readonly #waiting = new Set<DaemonSignal>();
  #wake: (() => void) | undefined;
  #state: 'starting' | 'serving' | 'stopping' = 'starting';
  #stoppingSinceMs = 0;

  constructor() {
    for (const [name, signal] of Object.entries(HANDLED)) {
      process.on(name, () => {
        this.#take(signal);
      });
    }
    for (const name of WITHOUT_EFFECT) process.on(name, () => undefined);
    // A client that is gone must not end the daemon: Node ignores SIGPIPE by itself.
  }

  /** Asks the loop for something from within the program. */
  raise(signal: DaemonSignal): void {
    this.#waiting.add(signal);
    this.#wake?.();
  }

  /** The next signal; `stop` goes first, and is the last. */
  async next(): Promise<DaemonSignal> {
    this.#state = 'serving';
    while (this.#waiting.size === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const [first = 'stop'] = this.#waiting;
    const signal = this.#waiting.has('stop') ? 'stop' : first;
    this.#waiting.delete(signal);
    if (signal === 'stop') {
      this.#state = 'stopping';
      this.#stoppingSinceMs = performance.now();
    }
    return signal;
  }

  #take(signal: DaemonSignal): void {
    switch (this.#state) {
      case 'starting':
        if (signal === 'stop') process.exit(0);
        return;
      case 'serving':
        this.raise(signal);
        return;
      case 'stopping':
        if (signal !== 'stop' || performance.now() - this.#stoppingSinceMs < SAME_STOP_MS) return;
        process.exit(IMPATIENT_EXIT_CODE);
    }
  }
}
