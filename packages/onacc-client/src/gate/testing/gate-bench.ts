import { constants } from '@portcullis/shared/native';
import type { NativeApi, PollHandle, ReadyEvents } from '@portcullis/shared/native';
import { FakeNative } from '@portcullis/shared/testing';
import { failurePolicy } from '../../failure-actions.js';
import { ScriptedDaemon } from '../../../test/scripted-daemon.js';
import type { ScriptedVerdict } from '../../../test/scripted-daemon.js';
import { Counters } from '../counters.js';
import type { Counter } from '../counters.js';
import { Duty } from '../duty.js';
import { EventSlots } from '../event-slots.js';
import { Gate } from '../gate.js';
import { HandOver } from '../hand-over.js';
import type { Detection, GateEvent, GateSettings } from '../messages.js';

export const DAEMON_PID = 777;
export const OWN_PID = 1_000;
export const GATES = 2;
/** More than any chain of events in these tests has links. */
const SETTLED_AFTER_TURNS = 200;
const SOCKET = '/run/clamd.sock';
const MASK = constants.FAN_OPEN_PERM | constants.FAN_CLOSE_WRITE | constants.FAN_EVENT_ON_CHILD;
const GROUP_FLAGS = constants.FAN_CLASS_CONTENT | constants.FAN_NONBLOCK | constants.FAN_UNLIMITED_QUEUE;

/** By what the file says of itself. */
function judgeContent(content: string): ScriptedVerdict {
  if (content.includes('EVIL')) return { found: 'Test.Evil' };
  if (content.includes('ERROR')) return { error: "Can't read file" };
  return content.includes('HANG') ? 'silence' : 'OK';
}

/** Gates, the daemon and the kernel in one thread, in memory: `/guarded` is marked. */
export class GateBench {
  readonly native = new FakeNative();
  readonly daemon: ScriptedDaemon;
  readonly group: number;
  readonly told: GateEvent[] = [];
  readonly handOver = new HandOver(HandOver.memory());
  /** What /proc says. */
  readonly procTexts = new Map([['/proc/self/mountinfo', '21 1 253:0 / / rw - ext4 /dev/sda1 rw\n']]);
  readonly slots: number;
  readonly dutyMemory = Duty.memory(GATES);
  /** The gates' clock. */
  nowMs = 1_000;
  #daemonRuns = true;
  readonly #gates: [index: number, gate: Gate][] = [];
  readonly #stuck = new Set<number>();
  readonly #readers: GroupReaders;
  readonly #slotMemory: SharedArrayBuffer;
  readonly #counterMemory = Counters.memory(GATES);

  constructor(options: { slots?: number; judge?: (content: string) => ScriptedVerdict } = {}) {
    const { native } = this;
    this.slots = options.slots ?? 4;
    this.#slotMemory = EventSlots.memory(GATES, this.slots);
    native.disk.makeDirectory('/guarded');
    native.identity = { pid: DAEMON_PID, uid: 0, gid: 0 };
    this.daemon = new ScriptedDaemon(native, SOCKET, options.judge ?? judgeContent);
    this.group = native.fanotify.createGroup(GROUP_FLAGS, constants.O_RDONLY);
    native.fanotify.markPath(this.group, constants.FAN_MARK_ADD, MASK, '/guarded');
    this.#readers = new GroupReaders(native.poller, this.group);
  }

  createGate(index: number, changes: Partial<GateSettings> = {}): Gate {
    const gate = new Gate({
      native: this.#threadOf(index),
      settings: { ...SETTINGS, ...changes },
      slots: new EventSlots(this.#slotMemory, index, this.slots),
      slotsPerGate: this.slots,
      duty: new Duty(this.dutyMemory, index, GATES),
      counters: new Counters(this.#counterMemory, index),
      handOver: this.handOver,
      readProcText: (path) => this.procTexts.get(path) ?? (isFdinfo(path) ? 'flags:\t0\nmnt_id:\t21\n' : ''),
      tell: (event) => this.told.push(event),
      nowMs: () => this.nowMs,
    });
    this.#gates.push([index, gate]);
    gate.tick();
    gate.addGroup(this.group, false);
    return gate;
  }

  /** What a gate's thread sees: the system, with a poller that calls nobody back whose thread is stuck. */
  #threadOf(gate: number): NativeApi {
    const { poller } = this.native;
    const watch: NativeApi['poller']['watch'] = (fd, events, onReady) => {
      const heed: typeof onReady = (ready) => {
        if (!this.#stuck.has(gate)) onReady(ready);
      };
      return fd === this.group ? this.#readers.watch(events, heed) : poller.watch(fd, events, heed);
    };
    const itsPoller: NativeApi['poller'] = { watch, openHandles: 0 };
    return Object.assign(Object.create(this.native) as FakeNative, { poller: itsPoller }); // the same, but for one field
  }

  totals(): Record<Counter, number> {
    return Counters.totals(this.#counterMemory, GATES);
  }

  get detections(): Detection[] {
    return this.told.flatMap((event) => (event.kind === 'detection' ? [event.detection] : []));
  }

  write(path: string, content: string, options: { uid?: number; mode?: number } = {}): void {
    this.native.disk.writeFile(path, content, { uid: 1000, mode: 0o644, ...options });
  }

  /** As if a gate's turn began now and did not end. */
  stick(gate: number): void {
    this.#stuck.add(gate);
    new Duty(this.dutyMemory, gate, GATES).beginTurn(this.nowMs);
  }

  /** It comes back from its turn. */
  free(gate: number): void {
    if (this.#stuck.delete(gate)) new Duty(this.dutyMemory, gate, GATES).endTurn();
  }

  /** The ticks of all gates whose threads are not stuck. */
  tick(): void {
    for (const [index, gate] of this.#gates) if (!this.#stuck.has(index)) gate.tick();
  }

  /** An open that does not wait for an answer, by a process that is neither ours nor the daemon. */
  async openUnasked(path: string): Promise<void> {
    const { fanotify, opener } = this.native;
    fanotify.markPath(this.group, constants.FAN_MARK_REMOVE, constants.FAN_OPEN_PERM, '/guarded');
    fanotify.markPath(
      this.group,
      constants.FAN_MARK_ADD,
      constants.FAN_OPEN | constants.FAN_EVENT_ON_CHILD,
      '/guarded',
    );
    await opener.open(path, { pid: DAEMON_PID + 1 });
    await this.settle();
  }

  /** What is under way comes to where it has to wait. */
  async settle(): Promise<void> {
    // The fake's poller calls back by setImmediate, so turns count, and not time: a loaded machine changes nothing.
    for (let turn = 0; turn < SETTLED_AFTER_TURNS; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** A written file, as its writer closes it. */
  async writeAndClose(path: string, content: string, pid = 60): Promise<void> {
    const writer = await this.native.opener.hold(path, { write: true, pid });
    if (writer.outcome !== 'allowed') throw new Error(writer.outcome);
    writer.write(content);
    writer.close();
  }

  /** Ends it for good; a second time does nothing. */
  stopDaemon(): void {
    if (this.#daemonRuns) this.daemon.close();
    this.#daemonRuns = false;
  }

  /** Stops everything. @returns what is left over; nothing of it should be. */
  close(): typeof NOTHING_LEFT {
    for (const [index, gate] of this.#gates) {
      this.free(index);
      gate.close();
    }
    this.#readers.close();
    this.stopDaemon();
    const { unansweredEvents } = this.native;
    this.native.files.close(this.group);
    return {
      held: EventSlots.held(this.#slotMemory),
      unansweredEvents,
      openFds: this.native.openFdCount,
      openHandles: this.native.poller.openHandles,
    };
  }
}

function isFdinfo(path: string): boolean {
  return path.startsWith('/proc/self/fdinfo/');
}

/** Several threads poll one group, which the fake's one poller does not know of. */
class GroupReaders {
  readonly #watching: PollHandle;
  readonly #readers = new Set<{ wanted: ReadyEvents; onReady: (ready: ReadyEvents) => void }>();

  constructor(poller: NativeApi['poller'], group: number) {
    this.#watching = poller.watch(group, { readable: false, writable: false }, (ready) => {
      for (const reader of [...this.#readers]) if (reader.wanted.readable) reader.onReady(ready);
    });
  }

  watch(wanted: ReadyEvents, onReady: (ready: ReadyEvents) => void): PollHandle {
    const reader = { wanted, onReady };
    this.#readers.add(reader);
    this.#update();
    return {
      want: (events) => {
        reader.wanted = events;
        this.#update();
      },
      close: () => {
        this.#readers.delete(reader);
        this.#update();
      },
    };
  }

  close(): void {
    this.#watching.close();
  }

  #update(): void {
    const readable = [...this.#readers].some(({ wanted }) => wanted.readable);
    this.#watching.want({ readable, writable: false });
  }
}

/** What {@link GateBench.close} says when all is well. */
export const NOTHING_LEFT = { held: 0, unansweredEvents: 0, openFds: 0, openHandles: 0 };

const SETTINGS: GateSettings = {
  ownPid: OWN_PID,
  prevention: true,
  failurePolicy: failurePolicy({ denyOnError: true }),
  excludedUids: [],
  maxFileBytes: 100,
  deadlineMs: 5_000,
  cacheEntriesMax: 64,
  kernelCache: true,
  endpoint: { kind: 'unix', path: SOCKET },
  transfer: 'descriptor',
  streamMaxBytes: 100,
  scansInFlightMax: 3,
  spinMaxMs: 0,
  stuckAfterMs: 100,
  extraScanning: false,
  retryAttempts: 0,
  handOverInfected: false,
  lifeline: false,
};
