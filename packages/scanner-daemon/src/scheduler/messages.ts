import type { ScanVerdict } from '@portcullis/shared';
import type { SharedDatabase, WorkerEngineOptions } from '../worker/engine-door.js';

/**
 * All that crosses between the main thread and a scan thread.
 *
 * Descriptors cross as bare numbers and are only *borrowed* by the worker: the main side keeps the owner and closes
 * it when the report has arrived or the worker has exited. So a worker that dies closes nothing and leaks nothing.
 */
export type RequestSource =
  | { readonly kind: 'fd'; readonly fd: number; readonly sizeBytes: number }
  | { readonly kind: 'path'; readonly path: Uint8Array }
  | { readonly kind: 'memory'; readonly bytes: SharedArrayBuffer; readonly sizeBytes: number };

export interface ScanRequest {
  /** 1 to 2^31 - 1; 0 means "none" in {@link ControlWords}. */
  readonly jobId: number;
  readonly source: RequestSource;
  readonly allMatch: boolean;
}

export interface ScanResponse {
  readonly jobId: number;
  readonly verdict: ScanVerdict;
}

export type MessageToWorker =
  | { readonly kind: 'scan'; readonly requests: readonly ScanRequest[] }
  /** Scans that come after this message use this database. */
  | { readonly kind: 'database'; readonly database: SharedDatabase };

export type MessageFromWorker =
  { readonly kind: 'ready' } | { readonly kind: 'reports'; readonly reports: readonly ScanResponse[] };

/** `workerData` of a scan thread. */
export interface WorkerStartup {
  readonly control: SharedArrayBuffer;
  readonly database: SharedDatabase;
  readonly engineOptions: WorkerEngineOptions;
}

/** The most jobs one message carries, and so the number of cancel flags a worker has. */
export const BATCH_JOBS_MAX = 16;

/**
 * Shared memory of one worker, since a worker that scans reads no messages: word 0 is the job it works on (written by
 * the worker, read by the clock on the main side), word 1 + n is set to 1 by the main side to cancel the batch's job n.
 */
export type ControlWords = Int32Array<SharedArrayBuffer>;

export const RUNNING_JOB_WORD = 0;
export const FIRST_CANCEL_WORD = 1;

export function createControlWords(): ControlWords {
  return new Int32Array(
    new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * (FIRST_CANCEL_WORD + BATCH_JOBS_MAX)),
  );
}
