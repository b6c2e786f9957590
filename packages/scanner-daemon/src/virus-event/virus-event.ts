import { getPriority } from 'node:os';
import { types } from 'node:util';
import { sanitize } from '@portcullis/shared';
import type { DaemonLog } from '../daemon-log.js';
import type { ScanOutcome } from '../server/server-log.js';
import { buildEventCommand, type EventCommand } from './event-command.js';
import type { EventProcessLimits } from './event-process.js';
import { EventRunner, type EventRunnerOptions, type ReportedEnd, type RunningEvent } from './event-runner.js';

/** What VirusEvent may use of the machine. clamd has no such bounds, and lets the client wait instead. */
export interface VirusEventLimits extends EventProcessLimits {
  /** Commands that run at a time. */
  readonly runningMax: number;
  /** Detections that wait for their turn; of more, the newest are dropped. */
  readonly waitingMax: number;
  /** Commands started a second, in the long run. */
  readonly startsPerSecond: number;
  /** Commands that may be started at once after a quiet time. */
  readonly burstMax: number;
  /** How long running commands may go on once the daemon stops. */
  readonly stopGraceMs: number;
  /** How often drops are told at most. */
  readonly dropsToldEveryMs: number;
}

export const VIRUS_EVENT_LIMITS: VirusEventLimits = {
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

/** VirusEvent of clamd.conf. The nice value of its commands is by default that of the calling thread. */
export interface VirusEventOptions extends Partial<EventRunnerOptions> {
  readonly command: string;
  readonly log: Pick<DaemonLog, 'logger' | 'say'>;
  readonly limits?: Partial<VirusEventLimits>;
}

/** Runs a command for each detection, after the client was answered and never in the way of a scan. */
export interface VirusEvent {
  /** Takes note of what was shown as a detection and returns at once. */
  report(outcome: ScanOutcome): void;
  /** Drops what waits, and ends what runs: within stopGraceMs and killGraceMs. */
  stop(): Promise<void>;
  /** Detections for which no command was run. */
  readonly droppedCount: number;
}

/**
 * Called before the signatures are loaded (README.md beside this file). Commands run as the account that is named; without
 * one, as whoever calls this. `stop` it.
 */
export function createVirusEvent(options: VirusEventOptions): VirusEvent {
  const { command, log, limits = {} } = options;
  const runner = new EventRunner({ niceValue: getPriority(), ...options });
  return new VirusEventQueue(command, { log, runner, limits: { ...VIRUS_EVENT_LIMITS, ...limits } });
}

/** Waits a little longer than SIGKILL takes: a process that the kernel itself holds is left behind. */
const AFTER_KILL_MS = 1000;

class VirusEventQueue implements VirusEvent {
  readonly #command: string;
  readonly #log: Pick<DaemonLog, 'logger' | 'say'>;
  readonly #limits: VirusEventLimits;
  readonly #runner: EventRunner;
  readonly #waiting: EventCommand[] = [];
  readonly #running = new Set<RunningEvent>();
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

  constructor(
    command: string,
    options: { log: Pick<DaemonLog, 'logger' | 'say'>; runner: EventRunner; limits: VirusEventLimits },
  ) {
    const { log, runner, limits } = options;
    this.#command = command;
    this.#log = log;
    this.#runner = runner;
    this.#limits = limits;
    this.#starts = limits.burstMax;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  report({ name, shown, allMatch }: ScanOutcome): void {
    if (shown.kind !== 'infected') return;
    if (this.#isStopping || this.#waiting.length >= this.#limits.waitingMax) {
      this.#drop(1);
      return;
    }
    const [first] = shown.signatureNames;
    // clamd names the last match of ALLMATCHSCAN (observed), and runs once for all of them.
    const signatureName = allMatch === true ? (shown.signatureNames.at(-1) ?? first) : first;
    this.#waiting.push(buildEventCommand(this.#command, { name, signatureName }));
    // The reply goes out first.
    this.#wakeSoon();
  }

  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#cancelWake?.();
    this.#drop(this.#waiting.splice(0).length);
    this.#tellDrops();
    if (!(await this.#idleWithin(this.#limits.stopGraceMs))) {
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

  #start(command: EventCommand): void {
    const running = this.#runner.start(command, processLimits(this.#limits), (end) => {
      this.#running.delete(running);
      this.#tellEnd(end);
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

  #tellEnd({ pid, exitCode, signal, isTimedOut, output, error }: ReportedEnd): void {
    const fields = { event: 'virusEvent', pid, exitCode, signal, isTimedOut };
    const isFine = exitCode === 0 && !isTimedOut;
    if (isFine) {
      this.#log.logger.debug({ ...fields, output: sanitize(output) }, 'VirusEvent ran');
      return;
    }
    const how = isTimedOut
      ? 'took too long and was ended'
      : error === undefined
        ? 'failed'
        : whyNotRun(error);
    this.#log.say('warning', `VirusEvent: the command ${how}`, { ...fields, err: error });
    this.#log.logger.debug({ ...fields, output: sanitize(output) }, 'VirusEvent output');
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
    const detections = dropped === 1 ? '1 detection' : `${dropped} detections`;
    this.#log.say('warning', `VirusEvent: the command was not run for ${detections}`, {
      event: 'virusEventDropped',
      dropped,
    });
  }
}

/** What crosses to the runner. */
function processLimits({ timeoutMs, killGraceMs, outputMaxBytes }: VirusEventLimits): EventProcessLimits {
  return { timeoutMs, killGraceMs, outputMaxBytes };
}

function whyNotRun(error: unknown): string {
  // It may have crossed from the runner.
  return types.isNativeError(error) ? `could not be run: ${sanitize(error.message)}` : 'could not be run';
}
