import { parentPort, workerData } from 'node:worker_threads';
import { openNative } from '@portcullis/shared/native';
import type { ActionAnswer, ActionCommand, ActionThreadStart } from './action-messages.js';
import { ActionPerformer } from './perform-action.js';

// A thread of its own, since a filesystem that hangs would hang whoever acts on a file in it.
if (parentPort === null) throw new Error('this is a worker thread');
const port = parentPort;
// The one who starts us is our own FileActions.
const { action, timeLimitMs, stopMemory } = workerData as ActionThreadStart;
const performer = new ActionPerformer(action, openNative().files);
const stop = new Int32Array(stopMemory);
const nowMs = (): number => (Atomics.load(stop, 0) === 1 ? Number.POSITIVE_INFINITY : performance.now());

port.on('message', (command: ActionCommand) => {
  if (command.kind === 'end') {
    port.close();
    return;
  }
  const result = performer.perform(command.judged, { atMs: performance.now() + timeLimitMs, nowMs });
  const answer: ActionAnswer = { result };
  port.postMessage(answer);
});
