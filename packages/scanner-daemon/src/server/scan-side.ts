/**
 * What the server asks of the scan side beside {@link Scanner}: a place for streams and a walk over paths.
 * The server owns these interfaces; `intake/` implements them.
 */
import type { ScanSource } from '../scheduler/scan-job.js';

/** Where one INSTREAM waits until its end. It belongs to the session until `finish` or `discard`. */
export interface StreamSpool {
  /**
   * Takes a copy of the bytes. `wait` = they were taken, but no more should come before `onReady` was called;
   * `failed` = they could not be kept (disk full): the stream is over and the spool has let go of everything.
   */
  write(bytes: Uint8Array): 'accepted' | 'wait' | 'failed';
  /**
   * The stream is complete. Calls back exactly once, at once if it can, with what is to be scanned (now the
   * caller's) or undefined when the bytes could not be kept.
   */
  finish(onSource: (source: ScanSource | undefined) => void): void;
  /** The client is gone: lets go of everything. The second call does nothing, nor does one after `finish`. */
  discard(): void;
}

/** @param onReady called after a `wait`, when more may come. */
export type OpenStreamSpool = (onReady: () => void) => StreamSpool;

/** Something a walk met that is answered without a scan (behaviour 1.10). Paths are the cleaned ones, raw bytes. */
export type PathProblem =
  /** ExcludePath. */
  | { readonly kind: 'excluded'; readonly path: Buffer }
  /** CrossFilesystems no. */
  | { readonly kind: 'otherFilesystem'; readonly path: Buffer }
  /** lstat or opendir failed; `strerror` is the C library's text, such as `No such file or directory`. */
  | { readonly kind: 'checkFailed'; readonly path: Buffer; readonly strerror: string }
  /** The argument itself is a FIFO, socket or device. */
  | { readonly kind: 'notSupported'; readonly path: Buffer }
  /** A file that may not be opened, when the walk finds out before the worker does. */
  | { readonly kind: 'accessDenied'; readonly path: Buffer };

export interface PathVisitor {
  /**
   * A regular file is to be scanned; its line in a reply begins with `path`. The walk goes on when the promise resolves:
   * at once while the queue has room, later for backpressure. `stop` ends the walk.
   */
  file(path: Buffer): Promise<'continue' | 'stop'>;
  /** Same. */
  problem(problem: PathProblem): Promise<'continue' | 'stop'>;
}

export interface WalkOptions {
  /** Aborted when the client is gone: the walk ends soon, without another call. */
  readonly signal: AbortSignal;
  /** MULTISCAN differs in small ways (behaviour 1.10, second column). */
  readonly multiscan: boolean;
}

export interface WalkOutcome {
  /**
   * Everything the walk looked at, directories and what failed included: an unreadable directory counts twice, once
   * as a directory and once as a failure. The final OK is left out when each of them was an error.
   */
  readonly visitedObjects: number;
}

/** `argument` is what the client sent, not cleaned; relative paths are relative to the daemon's directory. */
export type WalkPaths = (
  argument: Buffer,
  options: WalkOptions,
  visitor: PathVisitor,
) => Promise<WalkOutcome>;
