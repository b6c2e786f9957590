import { constants as osConstants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { openNative } from '@portcullis/shared/native';
import { monotonicMs } from './clock.js';
import { Counters } from './counters.js';
import { Duty } from './duty.js';
import { EventSlots } from './event-slots.js';
import { Gate } from './gate.js';
import { HandOver } from './hand-over.js';
import { LeaseGuard } from './lease-guard.js';
import { LeaseTable } from './lease-table.js';
import type { GateCommand, GateEvent, GateStart } from './messages.js';
import { mustArrive } from './must-arrive.js';
import { readProcText } from './proc-text.js';

/** Deadlines and the duty of relief are looked after this often. */
const TICK_MS = 25;
/** What the main thread has not taken yet, at most; above that, messages that only inform are dropped and counted. */
const OUTSTANDING_MAX = 1_000;

const port = parentPort;
if (port === null) throw new Error('gate-thread is started as a worker thread');
const start = workerData as GateStart; // typed at the other end of the line, in gates.ts

const counters = new Counters(start.counterMemory, start.gate);
const outstanding = new Int32Array(start.outstandingMemory);

function tell(event: GateEvent): void {
  if (Atomics.add(outstanding, 0, 1) >= OUTSTANDING_MAX && !mustArrive(event)) {
    Atomics.sub(outstanding, 0, 1);
    counters.count('droppedMessages');
    return;
  }
  port?.postMessage(event);
}

preferThisThread();
const duty = new Duty(start.dutyMemory, start.gate, start.gatesMax);
const native = openNative();
const { leaseMemory, settings } = start;
const gate = new Gate({
  native,
  settings,
  slots: new EventSlots(start.slotMemory, start.gate, start.slotsPerGate),
  slotsPerGate: start.slotsPerGate,
  duty,
  counters,
  handOver: new HandOver(start.handOverMemory),
  leases: leaseMemory && new LeaseGuard(native, new LeaseTable(leaseMemory), settings.leaseDevices ?? []),
  readProcText,
  tell,
  nowMs: monotonicMs,
});
gate.tick();
const ticker = setInterval(() => {
  gate.tick();
}, TICK_MS);

port.on('message', (command: GateCommand) => {
  switch (command.kind) {
    case 'addGroup':
      gate.addGroup(command.group, command.nonBlocking);
      return;
    case 'releaseGroup':
      gate.releaseGroup(command.group);
      return;
    case 'stop':
      // Poll handles must be closed before the thread ends (kernel facts), and answers given before the group closes.
      clearInterval(ticker);
      gate.close();
      tell({ kind: 'stopped' });
      port.close();
  }
});

duty.join();
tell({ kind: 'ready' });

/**
 * Whoever waits for an open waits for this thread, so it goes before them: an answer must not be held up by the opener that
 * the answer before has just woken (measured: 8 openers, 1.4 times as many opens). On Linux the priority is the thread's own.
 */
function preferThisThread(): void {
  try {
    setPriority(osConstants.priority.PRIORITY_HIGH);
  } catch {
    // Not permitted in some containers: slower under load, and no less right.
  }
}
