import { Buffer } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';

import { isErrno } from '../native/native-error.js';
import { messageOf } from '../errors/message-of.js';
import { CLAMD_CONFIG_BYTES_MAX } from './settings.js';

/** Of a file of settings too. */
const CONFIG_FILE_BYTES_MAX = CLAMD_CONFIG_BYTES_MAX;

/** How long a pipe may take to come to its end: `<(decrypt clamd.conf)` asks somebody elsewhere at times. */
const CONFIG_PIPE_WAIT_MS = 10_000;

/** Between two looks at a pipe that has nothing yet. */
const PIPE_POLL_MS = 10;

const CHUNK_BYTES = 64 * 1024;

/** What came of a file to read. */
export type ConfigFileReading =
  | {
      readonly kind: 'read';
      readonly bytes: Buffer;
      /** What it held is gone: nobody can read it again. */
      readonly isPipe: boolean;
    }
  | { readonly kind: 'missing' }
  /** The system does not let us. */
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** We do not want it, or what is in it. */
  | { readonly kind: 'refused'; readonly reason: string };

export interface ConfigFileOptions {
  /** False: a symbolic link is unreadable. True if absent. */
  readonly followSymlinks?: boolean;
  /** Says why the open file will not do; undefined: it does. */
  readonly objection?: (status: BigIntStats) => string | undefined;
  /** 10 seconds if absent. */
  readonly pipeWaitMs?: number;
}

/**
 * Reads a whole regular file, or a pipe (`-c <(command)`) up to its end, and at most 1 MiB of either. The size that a file claims counts for nothing: those of /proc claim none. A pipe that nobody writes to, or
 * not to its end, is given up after `pipeWaitMs`; until then this thread sleeps.
 */
export function readConfigFile(path: string, options: ConfigFileOptions = {}): ConfigFileReading {
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY, O_NOFOLLOW } = constants;
  try {
    // O_NONBLOCK: the open of a FIFO, or of a file under a lease, waits for somebody else.
    const mayFollow = options.followSymlinks === false ? O_NOFOLLOW : 0;
    const fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | mayFollow);
    try {
      return readOpenFile(fd, options);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return { kind: 'missing' };
    if (isErrno(error, 'ELOOP') && options.followSymlinks === false)
      return { kind: 'unreadable', reason: 'it is a symbolic link' };
    return { kind: 'unreadable', reason: messageOf(error) };
  }
}

function readOpenFile(
  fd: number,
  { objection, pipeWaitMs = CONFIG_PIPE_WAIT_MS }: ConfigFileOptions,
): ConfigFileReading {
  // In bigints, because Node's realpathSync takes the last status in numbers, whosever it is, for that of its own path:
  // after one of a FIFO it leaves symbolic links unresolved, and the next import() finds no module (Node 20).
  const status = fstatSync(fd, { bigint: true });
  const isPipe = status.isFIFO();
  if (!status.isFile() && !isPipe) return { kind: 'refused', reason: `it is ${kindOf(status)}` };
  const reason = objection?.(status);
  if (reason !== undefined) return { kind: 'refused', reason };
  const read = isPipe ? readPipe(fd, pipeWaitMs) : readToEnd((chunk) => readSync(fd, chunk));
  return typeof read === 'string' ? { kind: 'refused', reason: read } : { kind: 'read', bytes: read, isPipe };
}

function kindOf(status: BigIntStats): string {
  if (status.isDirectory()) return 'a directory';
  return status.isSocket() ? 'a socket' : 'a device';
}

/** An end before the first byte is a writer who is still to come. */
function readPipe(fd: number, waitMs: number): Buffer | string {
  const deadlineAtMs = performance.now() + waitMs;
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  let isBegun = false;
  const readOnceThere = (chunk: Buffer): number | string => {
    for (;;) {
      const count = readWhatIsThere(fd, chunk);
      if (count !== undefined && (count > 0 || isBegun)) {
        isBegun = true;
        return count;
      }
      if (performance.now() >= deadlineAtMs) return `it is a pipe that did not end within ${waitMs} ms`;
      Atomics.wait(sleeper, 0, 0, PIPE_POLL_MS);
    }
  };
  return readToEnd(readOnceThere);
}

/** @returns undefined when there is a writer, and nothing of his. */
function readWhatIsThere(fd: number, chunk: Buffer): number | undefined {
  try {
    return readSync(fd, chunk);
  } catch (error) {
    if (isErrno(error, 'EAGAIN')) return undefined;
    throw error;
  }
}

/** @returns the bytes, or why there are none. */
function readToEnd(read: (chunk: Buffer) => number | string): Buffer | string {
  const pieces: Buffer[] = [];
  let lengthBytes = 0;
  for (;;) {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, CONFIG_FILE_BYTES_MAX + 1 - lengthBytes));
    const count = read(chunk);
    if (typeof count === 'string') return count;
    if (count === 0) return Buffer.concat(pieces, lengthBytes);
    pieces.push(chunk.subarray(0, count));
    lengthBytes += count;
    if (lengthBytes > CONFIG_FILE_BYTES_MAX) return `it is larger than ${CONFIG_FILE_BYTES_MAX} bytes`;
  }
}
