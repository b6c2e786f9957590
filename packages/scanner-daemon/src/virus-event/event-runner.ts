import { fork, type ChildProcess } from 'node:child_process';
import type { Account } from '../process/account.js';
import { giveBackPriority } from '../process/priorities.js';
import type { EventCommand } from './event-command.js';
import type { EventEnd, EventProcessLimits } from './event-process.js';
import { accountArguments, RUNNER_REFUSED } from './runner-account.js';
import type { RunnerReport, RunnerRequest } from './runner-messages.js';

const RUNNER = new URL('./runner-process.js', import.meta.url);
/** How long after a runner that came to nothing the next is tried. */
const RETRY_MS = 1000;

/** Who and where the runner is, and its commands with it. */
export interface EventRunnerOptions {
  /** -20 to 19: not that of the main thread. */
  readonly niceValue: number;
  /** Whom the runner becomes for good before it serves; undefined: whoever forks it. */
  readonly account?: Account | undefined;
  /** Undefined: that of the daemon when it forks. */
  readonly workingDirectory?: string | undefined;
  /** 'ignore' when somebody waits for the end of the daemon's own; 'inherit' otherwise. */
  readonly stderr?: 'inherit' | 'ignore' | undefined;
}

/** A command that the runner was asked to start. */
export interface RunningEvent {
  /** Ends it now, as the timeout would. */
  terminate(): void;
}

/** How a command ended, and which process it was. */
export type ReportedEnd = EventEnd & { readonly pid: number | undefined };

/**
 * Owns the process that starts commands in the daemon's place. One that dies is replaced with the next command; where
 * none can be had, commands fail, and one is tried every RETRY_MS at most.
 */
export class EventRunner {
  readonly #waiting = new Map<number, (end: ReportedEnd) => void>();
  readonly #options: EventRunnerOptions;
  #child: ChildProcess | undefined;
  /** Whether the present child, or the last one, came to serve. */
  #isReady = false;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #failure: unknown;
  #lastId = 0;

  constructor(options: EventRunnerOptions) {
    this.#options = options;
    // Now, while the daemon is small: copying its page tables is what takes so long later.
    this.#open();
  }

  /** @param onEnd called exactly once, never before this returns. */
  start(command: EventCommand, limits: EventProcessLimits, onEnd: (end: ReportedEnd) => void): RunningEvent {
    if (this.#child === undefined && performance.now() >= this.#retryAtMs) this.#open();
    const child = this.#child;
    if (child === undefined) {
      // Later, when node:child_process has told why.
      setImmediate(() => {
        onEnd({ ...NEVER_TOLD, error: this.#failure });
      });
      return { terminate: () => undefined };
    }
    this.#lastId += 1;
    const id = this.#lastId;
    this.#waiting.set(id, onEnd);
    this.#send(child, { kind: 'start', id, command, limits });
    return {
      terminate: () => {
        this.#send(child, { kind: 'terminate', id });
      },
    };
  }

  /** The runner ends as soon as its commands have. */
  close(): void {
    if (this.#child?.connected === true) this.#child.disconnect();
    this.#child = undefined;
  }

  #open(): void {
    this.#isReady = false;
    let child: ChildProcess;
    try {
      child = this.#fork();
    } catch (error) {
      this.#fail(error);
      return;
    }
    child.on('error', (error) => {
      this.#lose(child, error);
      if (child.pid === undefined) this.#failure = error;
    });
    if (child.pid === undefined) {
      // Such a child has no send, or nobody to read it.
      if (child.connected) child.disconnect();
      this.#fail(new Error('the event runner could not be started'));
      return;
    }
    giveBackPriority(child.pid, this.#options.niceValue);
    child.on('message', (message) => {
      // The only sender is our own serve-events, compiled from the same union.
      const report = message as RunnerReport;
      if (report.kind === 'ended') this.#end(report.id, { ...report.end, pid: report.pid });
      else if (this.#child === child) this.#isReady = true;
    });
    child.on('exit', (code, signal) => {
      this.#lose(child, new Error(describeExit(code, signal)));
    });
    this.#child = child;
  }

  #fork(): ChildProcess {
    const { account, workingDirectory, stderr = 'inherit' } = this.#options;
    return fork(RUNNER, accountArguments(account), {
      // Nothing of ours is inherited: no variables, no debugger, no terminal.
      env: {},
      execArgv: [],
      detached: true,
      cwd: workingDirectory,
      stdio: ['ignore', 'ignore', stderr, 'ipc'],
      serialization: 'advanced',
    });
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#retryAtMs = performance.now() + RETRY_MS;
  }

  #send(child: ChildProcess, request: RunnerRequest): void {
    // One that is gone has failed all of its commands, or is about to.
    child.send(request, (error) => {
      if (error !== null) this.#lose(child, error);
    });
  }

  #lose(child: ChildProcess, error: unknown): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (child.connected) child.disconnect();
    if (!this.#isReady) this.#fail(error);
    for (const id of [...this.#waiting.keys()]) {
      this.#end(id, { ...NEVER_TOLD, error });
    }
  }

  #end(id: number, end: ReportedEnd): void {
    const onEnd = this.#waiting.get(id);
    this.#waiting.delete(id);
    onEnd?.(end);
  }
}

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  if (code === RUNNER_REFUSED) return 'the event runner could not become the account of User for good';
  return `the event runner ended: ${signal ?? code ?? 'unknown'}`;
}

const NEVER_TOLD: ReportedEnd = {
  pid: undefined,
  exitCode: undefined,
  signal: undefined,
  isTimedOut: false,
  output: Buffer.alloc(0),
  error: undefined,
};
