import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { LIBCLAMAV_HOST_SCRIPT } from '@portcullis/shared';
import type { SocketApi } from '@portcullis/shared/native';
import type { FromHost, ToHost } from '../libclamav-host/control-messages.js';

const HOST_PROCESS = fileURLToPath(new URL(`../${LIBCLAMAV_HOST_SCRIPT}`, import.meta.url));
const HOST_THREAD = new URL('../libclamav-host/host-thread.js', import.meta.url);
/** Descriptors of a child before the sockets of its scan threads: standard input, output and error, and the channel. */
const FIRST_LANE_FD = 4;
/** A line of standard error longer than this is cut. */
const OUTPUT_LINE_MAX_CHARACTERS = 1000;

export interface HostEvents {
  readonly onMessage: (message: FromHost) => void;
  /** A line that it wrote to standard error: libclamav's debug lines, and what a crash leaves behind. */
  readonly onOutput: (line: string) => void;
  /** It has ended, whatever the reason. Called once, last. */
  readonly onGone: (how: string) => void;
}

/** A host that was started. */
export interface HostConnection {
  /** Undefined where it is no process of its own. */
  readonly pid: number | undefined;
  /** Our ends of the scan threads' sockets, non-blocking; the caller's. */
  readonly laneFds: readonly number[];
  /** The numbers that the other ends have where the host is. */
  readonly hostLaneFds: readonly number[];
  send(message: ToHost): void;
  /** At once, whatever its scans do. `onGone` follows. */
  kill(): void;
}

/** Starts a host with so many scan threads. */
export type StartHost = (lanes: number, events: HostEvents) => HostConnection;

/** The host as a process of its own: a crash of libclamav is its end, and not ours (docs/decisions/0013). @param environment the host's */
export function processHosts(
  sockets: Pick<SocketApi, 'pairOfPackets' | 'adopt'>,
  environment: Readonly<Record<string, string | undefined>>,
): StartHost {
  return (lanes, events) => {
    const { ours, theirs } = makePairs(sockets, lanes);
    const child = closingOnFailure(ours, () => {
      try {
        return spawn(process.execPath, ['--no-warnings', HOST_PROCESS], {
          stdio: ['ignore', 'ignore', 'pipe', 'ipc', ...theirs],
          env: { ...environment },
        });
      } finally {
        for (const fd of theirs) closeSync(fd);
      }
    });
    let isGone = false;
    const gone = (how: string): void => {
      if (isGone) return;
      isGone = true;
      events.onGone(how);
    };
    // The only sender is our own host-process.ts, of the same version.
    child.on('message', (message) => {
      events.onMessage(message as FromHost);
    });
    child.on('error', (error) => {
      if (child.pid === undefined) gone(`could not be started: ${error.message}`);
    });
    child.on('exit', (code, signal) => {
      gone(`ended (${signal ?? `exit code ${code ?? 0}`})`);
    });
    forwardLines(child.stderr, events.onOutput);
    return {
      pid: child.pid,
      laneFds: ours,
      hostLaneFds: theirs.map((_fd, lane) => FIRST_LANE_FD + lane),
      send(message) {
        // One that dies meanwhile is told by its exit.
        if (child.connected) child.send(message, () => undefined);
      },
      kill() {
        child.kill('SIGKILL');
      },
    };
  };
}

/** The host as a thread of this process: nothing stands between a crash of libclamav and the daemon. */
export function threadHosts(sockets: Pick<SocketApi, 'pairOfPackets' | 'adopt'>): StartHost {
  return (lanes, events) => {
    const { ours, theirs } = makePairs(sockets, lanes);
    const thread = closingOnFailure(
      [...ours, ...theirs],
      // The sockets that it closes were made here; Node would warn of each.
      () => new Worker(HOST_THREAD, { name: 'libclamav', trackUnmanagedFds: false }),
    );
    let how = 'ended';
    // The only sender is our own host-thread.ts, compiled from the same union.
    thread.on('message', (message: FromHost) => {
      events.onMessage(message);
    });
    thread.on('error', (error: Error) => {
      how = `ended: ${error.message}`;
    });
    thread.on('exit', () => {
      events.onGone(how);
    });
    return {
      pid: undefined,
      laneFds: ours,
      hostLaneFds: theirs,
      send(message) {
        thread.postMessage(message);
      },
      kill() {
        // A thread in the middle of a call cannot be ended.
        thread.postMessage({ kind: 'end' } satisfies ToHost);
      },
    };
  };
}

function makePairs(
  sockets: Pick<SocketApi, 'pairOfPackets' | 'adopt'>,
  lanes: number,
): { ours: number[]; theirs: number[] } {
  const ours: number[] = [];
  const theirs: number[] = [];
  const all: number[] = [];
  closingOnFailure(all, () => {
    for (let lane = 0; lane < lanes; lane += 1) {
      const [our, their] = sockets.pairOfPackets();
      all.push(our, their);
      ours.push(our);
      theirs.push(their);
      sockets.adopt(our);
    }
  });
  return { ours, theirs };
}

function closingOnFailure<Result>(fds: readonly number[], make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    for (const fd of fds) closeSync(fd);
    throw error;
  }
}

/** @param stream none where the process could not be started. */
function forwardLines(stream: Readable | null | undefined, onLine: (line: string) => void): void {
  if (stream === null || stream === undefined) return;
  stream.on('error', () => undefined);
  const decoder = new StringDecoder();
  let begun = '';
  stream.on('data', (bytes: Buffer) => {
    const [first = '', ...others] = decoder.write(bytes).split('\n');
    let line = begun + first;
    for (const next of others) {
      onLine(line.slice(0, OUTPUT_LINE_MAX_CHARACTERS));
      line = next;
    }
    // Whoever dies may write without an end.
    begun = line.slice(0, OUTPUT_LINE_MAX_CHARACTERS);
  });
  stream.on('end', () => {
    if (begun !== '') onLine(begun);
  });
}
