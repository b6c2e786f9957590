import { parentPort, workerData } from 'node:worker_threads';
import { openNative } from '@portcullis/shared/native';
import {
  FIRST_CANCEL_WORD,
  RUNNING_JOB_WORD,
  type ControlWords,
  type MessageFromWorker,
  type MessageToWorker,
  type ScanRequest,
  type ScanResponse,
  type WorkerStartup,
} from '../scheduler/messages.js';
import type { Engine } from '../engine/engine.js';
import { collectGarbage } from '../scheduler/collect-garbage.js';
import { stepBehindMainThread } from '../process/priorities.js';
import { openEngine } from './engine-door.js';
import { createSourceScanner, type ScanSourceNow } from './scan-source.js';

/** Reports of one batch are kept back for at most this long, so that they share a message. */
const REPORTS_HELD_MS = 1;

/** Serves the pool on this thread until it is terminated. An exception ends the thread: the pool answers for it. */
export function serveScans(): void {
  if (parentPort === null) throw new Error('a scan thread needs a parent');
  stepBehindMainThread('scan');
  const port = parentPort;
  // The only sender is our own pool, compiled from the same type.
  const startup = workerData as WorkerStartup;
  const control: ControlWords = new Int32Array(startup.control);
  const scanSource = createSourceScanner({
    files: openNative().files,
    limits: startup.engineOptions.limits,
    followFileSymlinks: startup.engineOptions.followFileSymlinks,
    sampleDetections: startup.engineOptions.sampleDetections ?? false,
    nowMs: () => performance.now(),
  });
  let engine = openEngine(startup.database, startup.engineOptions.engine);
  const send = (message: MessageFromWorker): void => {
    port.postMessage(message);
  };
  port.on('message', (message: MessageToWorker) => {
    if (message.kind === 'database') {
      engine = openEngine(message.database, startup.engineOptions.engine);
      setImmediate(collectGarbage);
    } else serveBatch(message.requests, { engine, scanSource, control, send });
  });
  send({ kind: 'ready' });
}

interface BatchContext {
  readonly engine: Engine;
  readonly scanSource: ScanSourceNow;
  readonly control: ControlWords;
  readonly send: (message: MessageFromWorker) => void;
}

function serveBatch(
  requests: readonly ScanRequest[],
  { engine, scanSource, control, send }: BatchContext,
): void {
  let reports: ScanResponse[] = [];
  let heldSinceMs = performance.now();
  for (const [slot, { jobId, source, allMatch }] of requests.entries()) {
    const isCancelled = (): boolean => Atomics.load(control, FIRST_CANCEL_WORD + slot) === 1;
    Atomics.store(control, RUNNING_JOB_WORD, jobId);
    reports.push({
      jobId,
      verdict: isCancelled()
        ? { kind: 'incomplete', reason: 'cancelled' }
        : scanSource(engine, source, { allMatch, isCancelled }),
    });
    const nowMs = performance.now();
    if (slot < requests.length - 1 && nowMs - heldSinceMs < REPORTS_HELD_MS) continue;
    Atomics.store(control, RUNNING_JOB_WORD, 0);
    send({ kind: 'reports', reports });
    reports = [];
    heldSinceMs = nowMs;
  }
}
