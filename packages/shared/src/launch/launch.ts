import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';

/** Names the descriptor on which a launched program tells its launcher that it is ready. Between the two, for nobody else. */
export const READY_FD_VARIABLE = 'PORTCULLIS_READY_FD';
/** The place of the pipe among the child's descriptors. */
export const READY_FD = 3;

/** How long a program that was told to stop while it starts may take, before it is killed. */
const STOP_MAX_MS = 5000;
/** A process that the program started may hold its output for longer; nobody waits for that. */
const DRAIN_MAX_MS = 1000;

export interface LaunchOptions {
  /** What the program is called in complaints: `daemon`. */
  readonly what: string;
  /** Exit code where the program left none: it was killed, or could not be started. */
  readonly failureExitCode: number;
  /** `process.execPath` and `process.execArgv`. */
  readonly execPath: string;
  readonly execArgv: readonly string[];
  /** The program's file and its arguments: `process.argv` without the first. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes what the program prints while it starts, and what the launcher has to say. */
  readonly stdout: (bytes: Uint8Array | string) => void;
  readonly stderr: (bytes: Uint8Array | string) => void;
}

type End =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unstartable'; readonly reason: string }
  | { readonly kind: 'ended'; readonly code: number | null; readonly signal: NodeJS.Signals | null };

/**
 * Starts this very program once more in the background, in a session of its own, and waits until it serves (behaviour
 * 2.4). What it prints meanwhile goes through us: a terminal of its own Node would open once more, and never let go of.
 * The wait ends when it is ready or has ended; TERM and INT end both.
 *
 * @returns the exit code for the launcher: 0 when the program serves, else the program's own.
 */
export async function launchInBackground(options: LaunchOptions): Promise<number> {
  const program = spawn(options.execPath, [...options.execArgv, ...options.argv], {
    detached: true, // setsid(2): a terminal that closes does not take the program along.
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...options.env, [READY_FD_VARIABLE]: String(READY_FD) },
  });
  program.stdout?.on('data', options.stdout);
  program.stderr?.on('data', options.stderr);
  const interrupted = passSignalsOn(program);
  const end = await untilReadyOrEnded(program);
  switch (end.kind) {
    case 'ready':
      return 0;
    case 'unstartable':
      options.stderr(`ERROR: Can't start the ${options.what}: ${end.reason}\n`);
      return options.failureExitCode;
    case 'ended': {
      const signal = interrupted();
      if (signal !== undefined) return 128 + constants.signals[signal];
      if (end.code !== null && end.code !== 0) return end.code;
      const how = end.signal === null ? 'ended' : `was ended by ${end.signal}`;
      options.stderr(`ERROR: The ${options.what} ${how} before it was ready\n`);
      return options.failureExitCode;
    }
  }
}

/** @returns what says which signal ended the wait, if one did. */
function passSignalsOn(program: ChildProcess): () => NodeJS.Signals | undefined {
  let received: NodeJS.Signals | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    program.kill(received === undefined ? 'SIGTERM' : 'SIGKILL');
    received ??= signal;
    setTimeout(() => program.kill('SIGKILL'), STOP_MAX_MS).unref();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // As clamd does while it starts: neither a closed terminal nor an early reload is a reason to give up.
  for (const name of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(name, () => undefined);
  return () => received;
}

function untilReadyOrEnded(program: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    const drainThen = (end: End): void => {
      void untilDrained(program).then(() => {
        resolve(end);
      });
    };
    program.on('error', (error) => {
      resolve({ kind: 'unstartable', reason: error.message });
    });
    program.on('exit', (code, signal) => {
      drainThen({ kind: 'ended', code, signal });
    });
    const pipe = program.stdio[READY_FD];
    if (pipe === null || pipe === undefined || !('read' in pipe)) return;
    pipe.on('error', () => undefined); // The end of the child says more.
    pipe.once('data', () => {
      drainThen({ kind: 'ready' });
    });
  });
}

/** The program has left its output, one way or the other: what is in it by now is all there is. */
async function untilDrained({ stdout, stderr }: ChildProcess): Promise<void> {
  const ended = [stdout, stderr].map(async (stream) => {
    if (stream?.readableEnded === false) await once(stream, 'end');
  });
  const patience = new Promise((resolve) => setTimeout(resolve, DRAIN_MAX_MS));
  await Promise.race([Promise.all(ended), patience]);
}
