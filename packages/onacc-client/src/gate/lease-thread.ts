import { constants as osConstants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { constants, openNative } from '@portcullis/shared/native';
import { monotonicMs } from './clock.js';
import { LEASE_SIGNAL } from './lease-guard.js';
import { LeaseReleaser } from './lease-releaser.js';
import { LeaseTable } from './lease-table.js';

/** How often it is looked for leases that are due. A drop of all is under way this soon after it was asked for. */
const LOOK_MS = 50;
const SIGNALS = [LEASE_SIGNAL, constants.SIGIO];
const READABLE = { readable: true, writable: false };

const port = parentPort;
if (port === null) throw new Error('lease-thread is started as a worker thread');
const table = new LeaseTable(workerData as SharedArrayBuffer); // typed at the other end of the line, in lease-owner.ts
const native = openNative();
const releaser = new LeaseReleaser(native, table);

goFirst();
native.signals.block(SIGNALS);
const signalFd = native.signals.open(SIGNALS);
const poll = native.poller.watch(signalFd, READABLE, () => {
  releaser.onSignals(native.signals.read(signalFd) ?? []);
});
let continuing: NodeJS.Immediate | undefined;
const look = setInterval(workOn, LOOK_MS);

/** In slices, so that no writer waits for the end of it. */
function workOn(): void {
  clearImmediate(continuing);
  continuing = releaser.work(monotonicMs()) ? setImmediate(workOn) : undefined;
}

port.once('message', () => {
  table.close();
  clearInterval(look);
  clearImmediate(continuing);
  releaser.releaseAll();
  // Before the thread ends (kernel facts).
  poll.close();
  native.files.close(signalFd);
  port.close();
});

table.open(native.signals.threadId());
port.postMessage('ready');

/** A writer waits for this thread alone. */
function goFirst(): void {
  try {
    setPriority(osConstants.priority.PRIORITY_HIGH);
  } catch {
    // Not permitted in some containers: slower under load, and no less right.
  }
}
