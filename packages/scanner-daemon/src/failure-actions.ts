/**
 * What a failure of the daemon itself does, in one table: the metric that counts it, how loud the log is, and whether
 * the daemon goes on. What a failed *scan* answers is the verdict's business.
 */
export type FailureReason =
  | 'queueFull'
  | 'workerCrashed'
  | 'workerHung'
  | 'workerBrokenStart'
  | 'engineDied'
  | 'noWorkersLeft'
  | 'inlineScanCrashed'
  | 'reloadFailed'
  | 'outOfMemory'
  | 'spoolFailed'
  | 'uncaught';

export interface FailureAction {
  /** The counter's name in metrics. */
  readonly metric: string;
  readonly level: 'error' | 'warn';
  readonly text: string;
  /** `terminate`: log, remove socket file and PidFile, exit 1; the service manager starts a fresh one. */
  readonly action: 'observe' | 'terminate';
}

export const FAILURE_ACTIONS: Readonly<Record<FailureReason, FailureAction>> = {
  queueFull: {
    metric: 'scan_queue_full_total',
    level: 'warn',
    text: 'The scan queue is full; a job was refused',
    action: 'observe',
  },
  workerCrashed: {
    metric: 'scan_worker_crashed_total',
    level: 'error',
    text: 'A scan thread died; its scan failed and the thread was replaced',
    action: 'observe',
  },
  workerHung: {
    metric: 'scan_worker_hung_total',
    level: 'error',
    text: 'A scan thread did not answer in time; its scan failed and the thread was replaced',
    action: 'observe',
  },
  workerBrokenStart: {
    metric: 'scan_worker_broken_start_total',
    level: 'error',
    text: 'A scan thread died while starting; it is not started again before the next database',
    action: 'observe',
  },
  engineDied: {
    metric: 'engine_died_total',
    level: 'error',
    text: 'The libclamav process died; its scans failed, and it is started again',
    action: 'observe',
  },
  noWorkersLeft: {
    metric: 'scan_workers_lost_total',
    level: 'error',
    text: 'No scan thread is left',
    action: 'terminate',
  },
  inlineScanCrashed: {
    metric: 'scan_inline_crashed_total',
    level: 'error',
    text: 'The engine failed on the main thread; the scan was answered with an error',
    action: 'observe',
  },
  reloadFailed: {
    metric: 'database_reload_failed_total',
    level: 'warn',
    text: 'Database reload failed, keeping the previous instance',
    action: 'observe',
  },
  outOfMemory: {
    metric: 'out_of_memory_total',
    level: 'error',
    text: 'Out of memory',
    // With ExitOnOOM it ends the daemon in order, with exit code 1.
    action: 'observe',
  },
  spoolFailed: {
    metric: 'stream_spool_failed_total',
    level: 'error',
    text: 'A stream could not be kept',
    action: 'observe',
  },
  uncaught: {
    metric: 'uncaught_exceptions_total',
    level: 'error',
    text: 'Uncaught exception',
    action: 'terminate',
  },
};
