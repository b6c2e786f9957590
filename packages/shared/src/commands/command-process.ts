import { spawn, type ChildProcess } from 'node:child_process';
import type { BoundedCommand } from './bounded-command.js';

/** How long one command may take, and how much it may say. */
export interface CommandLimits {
  /** From its start to SIGTERM for its process group. */
  readonly timeoutMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly killGraceMs: number;
  /** Output kept for the log; the rest is read and dropped. */
  readonly outputMaxBytes: number;
}

/** After the command's own end: output that takes longer to end is in the hands of a job in the background. */
const OUTPUT_GRACE_MS = 250;

/** How a command ended. */
export interface CommandEnd {
  /** Undefined when a signal ended it, or when it never started. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly isTimedOut: boolean;
  /** The first of stdout and stderr, mixed. */
  readonly output: Buffer;
  /** Why it never started. */
  readonly error: unknown;
}

/** A running command. */
export interface CommandProcess {
  readonly pid: number | undefined;
  /** Ends it now, as the timeout would. */
  terminate(): void;
  /** Reads no more of what background jobs write; for a command that has ended. */
  releaseOutput(): void;
}

/**
 * Starts a command in a process group and session of its own, with nothing to read.
 *
 * It has ended when its first process has. What it leaves in the background is left alone: what that still writes is
 * read until the timeout and dropped, since a write to nobody would be its end (SIGPIPE).
 *
 * @param onEnd called exactly once, never before this returns
 */
export function startCommand(
  command: BoundedCommand,
  limits: CommandLimits,
  onEnd: (end: CommandEnd) => void,
): CommandProcess {
  let child: ChildProcess;
  try {
    child = spawn(command.program, command.args, {
      env: command.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that the whole of it can be ended.
      detached: true,
    });
  } catch (error) {
    queueMicrotask(() => {
      onEnd({ exitCode: undefined, signal: undefined, isTimedOut: false, output: Buffer.alloc(0), error });
    });
    return { pid: undefined, terminate: () => undefined, releaseOutput: () => undefined };
  }
  return superviseChild(child, limits, onEnd);
}

function superviseChild(
  child: ChildProcess,
  limits: CommandLimits,
  onEnd: (end: CommandEnd) => void,
): CommandProcess {
  let isTimedOut = false;
  let isEnded = false;
  let killTimer: NodeJS.Timeout | undefined;
  let outputTimer: NodeJS.Timeout | undefined;
  const output = collectOutput(child, limits.outputMaxBytes);

  const hasExited = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const releaseOutput = (): void => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  const terminate = (): void => {
    if (killTimer !== undefined) return;
    if (hasExited()) {
      // Only the background holds the output. Its group's number may be another's by now: no signal.
      releaseOutput();
      return;
    }
    signalGroup(child.pid, 'SIGTERM');
    killTimer = setTimeout(() => {
      signalGroup(child.pid, 'SIGKILL');
      releaseOutput();
    }, limits.killGraceMs);
  };
  const timeoutTimer = setTimeout(() => {
    isTimedOut = !hasExited();
    terminate();
  }, limits.timeoutMs);

  const end = (exit: Pick<CommandEnd, 'exitCode' | 'signal' | 'error'>): void => {
    if (isEnded) return;
    isEnded = true;
    onEnd({ ...exit, isTimedOut, output: output() });
  };
  const endForGood = (exit: Pick<CommandEnd, 'exitCode' | 'signal' | 'error'>): void => {
    for (const timer of [timeoutTimer, killTimer, outputTimer]) clearTimeout(timer);
    end(exit);
  };
  child.on('error', (error) => {
    // Short of descriptors, a child that never was is not closed either.
    if (child.pid === undefined) endForGood({ exitCode: undefined, signal: undefined, error });
  });
  child.on('exit', (code, signal) => {
    // A group that is being ended is over when all of it is.
    if (killTimer !== undefined) return;
    outputTimer = setTimeout(() => {
      end(exitOf(code, signal));
    }, OUTPUT_GRACE_MS);
  });
  child.on('close', (code, signal) => {
    endForGood(exitOf(code, signal));
  });
  return { pid: child.pid, terminate, releaseOutput };
}

function exitOf(
  code: number | null,
  signal: NodeJS.Signals | null,
): Pick<CommandEnd, 'exitCode' | 'signal' | 'error'> {
  return { exitCode: code ?? undefined, signal: signal ?? undefined, error: undefined };
}

function collectOutput(child: ChildProcess, maxBytes: number): () => Buffer {
  const parts: Buffer[] = [];
  let keptBytes = 0;
  const keep = (bytes: Buffer): void => {
    if (keptBytes >= maxBytes) return;
    // A copy: a slice would hold the whole chunk.
    const part = Buffer.from(bytes.subarray(0, maxBytes - keptBytes));
    parts.push(part);
    keptBytes += part.length;
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', keep);
    // What could not be read is missing in the log, no more.
    stream?.on('error', () => undefined);
  }
  return () => Buffer.concat(parts);
}

/** The group may have gone by itself. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: nobody left.
  }
}
