import { fork, type ChildProcess } from 'node:child_process';
import type { BoundedCommand } from './bounded-command.js';
import type { CommandEnd, CommandLimits } from './command-process.js';
import type { RunnerReport, RunnerRequest } from './runner-messages.js';

/** How long after a runner that came to nothing the next is tried. */
const RETRY_MS = 1000;

/** Who and where the runner is, and its commands with it. */
export interface CommandRunnerOptions {
  /** Its module, which ends in `serveCommands()`. */
  readonly module: URL;
  readonly args?: readonly string[];
  /** Undefined: that of the program when it forks. */
  readonly workingDirectory?: string | undefined;
  /** 'ignore' when somebody waits for the end of the program's own; 'inherit' otherwise. */
  readonly stderr?: 'inherit' | 'ignore' | undefined;
  /** Called with the process id of each runner, right after its start. */
  readonly onForked?: ((pid: number) => void) | undefined;
  /** What an exit code of the runner's own means; undefined where it means nothing. */
  readonly explainExit?: ((code: number) => string | undefined) | undefined;
}

/** A command that the runner was asked to start. */
export interface RunningCommand {
  /** Ends it now, as the timeout would. */
  terminate(): void;
}

/** How a command ended, and which process it was. */
export type ReportedEnd = CommandEnd & { readonly pid: number | undefined };

/**
 * Owns the process that starts commands in the program's place: starting one copies the page tables of whoever starts it,
 * and a process that was made early inherits nothing that was opened later. One that dies is replaced with the next command; where
 * none can be had, commands fail, and one is tried every RETRY_MS at most.
 */
export class CommandRunner {
  readonly #waiting = new Map<number, (end: ReportedEnd) => void>();
  readonly #options: CommandRunnerOptions;
  #child: ChildProcess | undefined;
  /** Whether the present child, or the last one, came to serve. */
  #isReady = false;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #failure: unknown;
  #lastId = 0;

  constructor(options: CommandRunnerOptions) {
    this.#options = options;
    // Now, while the program is small: copying its page tables is what takes so long later.
    this.#open();
  }

  /** @param onEnd called exactly once, never before this returns. */
  start(command: BoundedCommand, limits: CommandLimits, onEnd: (end: ReportedEnd) => void): RunningCommand {
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
      this.#fail(new Error('the command runner could not be started'));
      return;
    }
    this.#options.onForked?.(child.pid);
    child.on('message', (message) => {
      // The only sender is our own serve-commands, compiled from the same union.
      const report = message as RunnerReport;
      if (report.kind === 'ended') this.#end(report.id, { ...report.end, pid: report.pid });
      else if (this.#child === child) this.#isReady = true;
    });
    child.on('exit', (code, signal) => {
      this.#lose(child, new Error(this.#describeExit(code, signal)));
    });
    this.#child = child;
  }

  #fork(): ChildProcess {
    const { module, args = [], workingDirectory, stderr = 'inherit' } = this.#options;
    return fork(module, args, {
      // Nothing of ours is inherited: no variables, no debugger, no terminal.
      env: {},
      execArgv: [],
      detached: true,
      cwd: workingDirectory,
      stdio: ['ignore', 'ignore', stderr, 'ipc'],
      serialization: 'advanced',
    });
  }

  #describeExit(code: number | null, signal: NodeJS.Signals | null): string {
    const explained = code === null ? undefined : this.#options.explainExit?.(code);
    return explained ?? `the command runner ended: ${signal ?? code ?? 'unknown'}`;
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

const NEVER_TOLD: ReportedEnd = {
  pid: undefined,
  exitCode: undefined,
  signal: undefined,
  isTimedOut: false,
  output: Buffer.alloc(0),
  error: undefined,
};
