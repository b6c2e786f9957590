import { types } from 'node:util';
import { sanitize } from '../logging/sanitize.js';
import type { BoundedCommand } from './bounded-command.js';
import type { CommandLimits } from './command-process.js';
import type { CommandRunner, ReportedEnd, RunningCommand } from './command-runner.js';

/** What the commands of one kind may use of the machine. */
export interface CommandQueueLimits extends CommandLimits {
  /** Commands that run at a time. */
  readonly runningMax: number;
  /** Commands that wait for their turn; of more, the newest are dropped. */
  readonly waitingMax: number;
  /** Commands started a second, in the long run. */
  readonly startsPerSecond: number;
  /** Commands that may be started at once after a quiet time. */
  readonly burstMax: number;
  /** How long running commands may go on once the program stops. */
  readonly stopGraceMs: number;
  /** How often drops are told at most. */
  readonly dropsToldEveryMs: number;
}

const COMMAND_QUEUE_LIMITS: CommandQueueLimits = {
  runningMax: 4,
  waitingMax: 1000,
  startsPerSecond: 20,
  burstMax: 100,
  timeoutMs: 60_000,
  killGraceMs: 2000,
  outputMaxBytes: 4096,
  stopGraceMs: 5000,
  dropsToldEveryMs: 10_000,
};

export interface CommandQueueOptions {
  /** Taken: closed by `stop`. */
  readonly runner: CommandRunner;
  readonly limits?: Partial<CommandQueueLimits>;
  /** Whether `stop` ends the commands that run, or leaves them to the runner, which keeps their timeouts. */
  readonly atStop?: 'endRunning' | 'leaveRunning';
  readonly onEnd: (end: ReportedEnd) => void;
  /** Told of commands that were not run, now and then, with how many there were since. */
  readonly onDropped: (count: number) => void;
}

/** Waits a little longer than SIGKILL takes: a process that the kernel itself holds is left behind. */
const AFTER_KILL_MS = 1000;

/** Starts commands when it is their turn: so many at a time, so many a second, and never in the caller's turn. */
export class CommandQueue {
  readonly #options: CommandQueueOptions;
  readonly #limits: CommandQueueLimits;
  readonly #runner: CommandRunner;
  readonly #waiting: BoundedCommand[] = [];
  readonly #running = new Set<RunningCommand>();
  /** Token bucket: starts that are free at this moment. */
  #starts: number;
  #startsAtMs = performance.now();
  /** Set while somebody will look at the queue again: in this turn of the loop, or when a start is free. */
  #cancelWake: (() => void) | undefined;
  #isStopping = false;
  #onIdle: (() => void) | undefined;
  #droppedCount = 0;
  #droppedUntold = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #tellTimer: NodeJS.Timeout | undefined;

  constructor(options: CommandQueueOptions) {
    this.#options = options;
    this.#limits = { ...COMMAND_QUEUE_LIMITS, ...options.limits };
    this.#runner = options.runner;
    this.#starts = this.#limits.burstMax;
  }

  /** Commands that were not run. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Takes a command and returns at once. */
  add(command: BoundedCommand): void {
    if (this.#isStopping || this.#waiting.length >= this.#limits.waitingMax) {
      this.#drop(1);
      return;
    }
    this.#waiting.push(command);
    // What the caller is about to answer goes out first.
    this.#wakeSoon();
  }

  /** Drops what waits, and ends what runs, within stopGraceMs and killGraceMs, or leaves it alone and is done at once. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#cancelWake?.();
    this.#drop(this.#waiting.splice(0).length);
    this.#tellDrops();
    const leaves = this.#options.atStop === 'leaveRunning';
    if (!leaves && !(await this.#idleWithin(this.#limits.stopGraceMs))) {
      for (const running of this.#running) running.terminate();
      await this.#idleWithin(this.#limits.killGraceMs + AFTER_KILL_MS);
    }
    this.#runner.close();
    this.#tellDrops();
  }

  #wakeSoon(): void {
    if (this.#cancelWake !== undefined) return;
    const immediate = setImmediate(this.#startSome);
    this.#cancelWake = () => {
      clearImmediate(immediate);
    };
  }

  readonly #startSome = (): void => {
    this.#cancelWake = undefined;
    while (this.#waiting.length > 0 && this.#running.size < this.#limits.runningMax) {
      const waitMs = this.#takeStart();
      if (waitMs > 0) {
        const timer = setTimeout(this.#startSome, waitMs);
        this.#cancelWake = () => {
          clearTimeout(timer);
        };
        return;
      }
      const next = this.#waiting.shift();
      if (next !== undefined) this.#start(next);
    }
  };

  /** @returns how long until a start is free; 0 = taken. */
  #takeStart(): number {
    const { startsPerSecond, burstMax } = this.#limits;
    const nowMs = performance.now();
    const earned = ((nowMs - this.#startsAtMs) / 1000) * startsPerSecond;
    this.#starts = Math.min(burstMax, this.#starts + earned);
    this.#startsAtMs = nowMs;
    if (this.#starts < 1) return Math.ceil(((1 - this.#starts) / startsPerSecond) * 1000);
    this.#starts -= 1;
    return 0;
  }

  #start(command: BoundedCommand): void {
    const running = this.#runner.start(command, processLimits(this.#limits), (end) => {
      this.#running.delete(running);
      this.#options.onEnd(end);
      if (this.#running.size === 0) this.#onIdle?.();
      if (!this.#isStopping) this.#wakeSoon();
    });
    this.#running.add(running);
  }

  #idleWithin(maxMs: number): Promise<boolean> {
    if (this.#running.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#onIdle = undefined;
        resolve(false);
      }, maxMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #drop(count: number): void {
    this.#droppedCount += count;
    this.#droppedUntold += count;
    // Its end tells them.
    if (this.#isStopping) return;
    const waitMs = this.#toldAtMs + this.#limits.dropsToldEveryMs - performance.now();
    if (waitMs <= 0) {
      this.#tellDrops();
      return;
    }
    // Nobody may drop anything after a burst: the rest of it is told all the same.
    this.#tellTimer ??= setTimeout(() => {
      this.#tellDrops();
    }, waitMs).unref();
  }

  #tellDrops(): void {
    clearTimeout(this.#tellTimer);
    this.#tellTimer = undefined;
    const dropped = this.#droppedUntold;
    if (dropped === 0) return;
    this.#droppedUntold = 0;
    this.#toldAtMs = performance.now();
    this.#options.onDropped(dropped);
  }
}

/** What crosses to the runner. */
function processLimits({ timeoutMs, killGraceMs, outputMaxBytes }: CommandQueueLimits): CommandLimits {
  return { timeoutMs, killGraceMs, outputMaxBytes };
}

/** What is to be said of a command that did not end well: `failed`, for instance. Undefined when it did. */
export function describeFailure({ exitCode, isTimedOut, error }: ReportedEnd): string | undefined {
  if (isTimedOut) return 'took too long and was ended';
  if (exitCode === 0) return undefined;
  if (error === undefined) return 'failed';
  // It may have crossed from the runner.
  return types.isNativeError(error) ? `could not be run: ${sanitize(error.message)}` : 'could not be run';
}
