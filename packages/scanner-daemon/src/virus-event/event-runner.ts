import { fork, type ChildProcess } from 'node:child_process';
import type { EventCommand } from './event-command.js';
import type { EventEnd, EventProcessLimits } from './event-process.js';
import type { RunnerReport, RunnerRequest } from './runner-messages.js';

const RUNNER = new URL('./runner-process.js', import.meta.url);

/** A command that the runner was asked to start. */
export interface RunningEvent {
  /** Ends it now, as the timeout would. */
  terminate(): void;
}

/** How a command ended, and which process it was. */
export type ReportedEnd = EventEnd & { readonly pid: number | undefined };

/** Owns the process that starts commands in the daemon's place. One that dies is replaced with the next command. */
export class EventRunner {
  readonly #waiting = new Map<number, (end: ReportedEnd) => void>();
  #child: ChildProcess | undefined;
  #lastId = 0;

  constructor() {
    // Now, while the daemon is small: copying its page tables is what takes so long later.
    this.#child = this.#open();
  }

  /** @param onEnd called exactly once, never before this returns. */
  start(command: EventCommand, limits: EventProcessLimits, onEnd: (end: ReportedEnd) => void): RunningEvent {
    const child = (this.#child ??= this.#open());
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

  #open(): ChildProcess {
    const child = fork(RUNNER, [], {
      // Nothing of ours is inherited: no variables, no debugger, no terminal.
      env: {},
      execArgv: [],
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    child.on('message', (message) => {
      // The only sender is our own serve-events, compiled from the same interface.
      const { id, pid, end } = message as RunnerReport;
      this.#end(id, { ...end, pid });
    });
    child.on('error', (error) => {
      this.#lose(child, error);
    });
    child.on('exit', (code, signal) => {
      this.#lose(child, new Error(`the event runner ended: ${signal ?? code ?? 'unknown'}`));
    });
    return child;
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

const NEVER_TOLD: ReportedEnd = {
  pid: undefined,
  exitCode: undefined,
  signal: undefined,
  isTimedOut: false,
  output: Buffer.alloc(0),
  error: undefined,
};
