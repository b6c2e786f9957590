import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';

/** Names the descriptor on which a launched daemon tells its launcher that it is ready. Between the two, for nobody else. */
export const READY_FD_VARIABLE = 'PORTCULLIS_READY_FD';
/** The place of the pipe among the child's descriptors. */
export const READY_FD = 3;

/** How long a daemon that was told to stop while it starts may take, before it is killed. */
const STOP_MAX_MS = 5000;
/** A process that the daemon started may hold its output for longer; nobody waits for that. */
const DRAIN_MAX_MS = 1000;

export interface LaunchOptions {
  /** `process.execPath` and `process.execArgv`. */
  readonly execPath: string;
  readonly execArgv: readonly string[];
  /** The program's file and its arguments: `process.argv` without the first. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes what the daemon prints while it starts, and what the launcher has to say. */
  readonly stdout: (bytes: Uint8Array | string) => void;
  readonly stderr: (bytes: Uint8Array | string) => void;
}

type End =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unstartable'; readonly reason: string }
  | { readonly kind: 'ended'; readonly code: number | null; readonly signal: NodeJS.Signals | null };

/**
 * Starts this very program once more as a daemon, in a session of its own, and waits until it serves (behaviour 2.4).
 * What it prints meanwhile goes through us: a terminal of its own Node would open once more, and never let go of. The wait ends when the daemon is ready or has ended; TERM and INT end
 * both.
 *
 * @returns the exit code for the launcher: 0 when the daemon serves, else the daemon's own.
 */
export async function launchDaemon(options: LaunchOptions): Promise<number> {
  const daemon = spawn(options.execPath, [...options.execArgv, ...options.argv], {
    detached: true, // setsid(2): a terminal that closes does not take the daemon along.
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...options.env, [READY_FD_VARIABLE]: String(READY_FD) },
  });
  daemon.stdout?.on('data', options.stdout);
  daemon.stderr?.on('data', options.stderr);
  const interrupted = passSignalsOn(daemon);
  const end = await untilReadyOrEnded(daemon);
  switch (end.kind) {
    case 'ready':
      return 0;
    case 'unstartable':
      options.stderr(`ERROR: Can't start the daemon: ${end.reason}\n`);
      return 1;
    case 'ended': {
      const signal = interrupted();
      if (signal !== undefined) return 128 + constants.signals[signal];
      if (end.code !== null && end.code !== 0) return end.code;
      const how = end.signal === null ? 'ended' : `was ended by ${end.signal}`;
      options.stderr(`ERROR: The daemon ${how} before it was ready\n`);
      return 1;
    }
  }
}

/** @returns what says which signal ended the wait, if one did. */
function passSignalsOn(daemon: ChildProcess): () => NodeJS.Signals | undefined {
  let received: NodeJS.Signals | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    daemon.kill(received === undefined ? 'SIGTERM' : 'SIGKILL');
    received ??= signal;
    setTimeout(() => daemon.kill('SIGKILL'), STOP_MAX_MS).unref();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // As clamd does while it starts: neither a closed terminal nor an early reload is a reason to give up.
  for (const name of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(name, () => undefined);
  return () => received;
}

function untilReadyOrEnded(daemon: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    const drainThen = (end: End): void => {
      void untilDrained(daemon).then(() => {
        resolve(end);
      });
    };
    daemon.on('error', (error) => {
      resolve({ kind: 'unstartable', reason: error.message });
    });
    daemon.on('exit', (code, signal) => {
      drainThen({ kind: 'ended', code, signal });
    });
    const pipe = daemon.stdio[READY_FD];
    if (pipe === null || pipe === undefined || !('read' in pipe)) return;
    pipe.on('error', () => undefined); // The end of the child says more.
    pipe.once('data', () => {
      drainThen({ kind: 'ready' });
    });
  });
}

/** The daemon has left its output, one way or the other: what is in it by now is all there is. */
async function untilDrained({ stdout, stderr }: ChildProcess): Promise<void> {
  const ended = [stdout, stderr].map(async (stream) => {
    if (stream?.readableEnded === false) await once(stream, 'end');
  });
  const patience = new Promise((resolve) => setTimeout(resolve, DRAIN_MAX_MS));
  await Promise.race([Promise.all(ended), patience]);
}
