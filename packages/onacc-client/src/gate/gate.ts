import { constants, emptyFileStatus, WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, Poller, PollHandle } from '@portcullis/shared/native';
import type { ScanVerdict } from '@portcullis/shared';
import { decide, outcomeOfVerdict } from '../policy/decide.js';
import type { FailureCause, Outcome, SkipReason } from '../policy/decide.js';
import { screenObject } from '../policy/screen.js';
import { DaemonLink } from '../scan/daemon-link.js';
import { counterOf } from './counters.js';
import type { Counters } from './counters.js';
import { Deadlines } from './deadlines.js';
import { decodeEvent } from './decode-event.js';
import type { Duty } from './duty.js';
import type { EventSlots } from './event-slots.js';
import { keyOf } from './file-key.js';
import { Flight, Flights, HeldEvent } from './flights.js';
import type { ArrivedEvent } from './flights.js';
import type { Detection, GateEvent, GateSettings } from './messages.js';
import { OpenerFacts } from './opener-facts.js';
import { VerdictKeeper } from './verdict-keeper.js';
import { messageOf } from '@portcullis/shared';

/** Events read in one turn, at most, before the daemon's answers get their chance. */
const EVENTS_PER_TURN = 64;
/** Past its silence the daemon is given up; a little longer than any open waits for it. */
const SILENCE_FACTOR = 2;

export interface GateDeps {
  readonly native: NativeApi;
  readonly settings: GateSettings;
  readonly slots: EventSlots;
  readonly slotsPerGate: number;
  readonly duty: Duty;
  readonly counters: Counters;
  /** Never blocks and never throws; may drop. */
  readonly tell: (event: GateEvent) => void;
  /** Monotonic milliseconds, one clock for all threads of the process. */
  readonly nowMs: () => number;
}

/**
 * Answers the kernel. Every event is answered once and its descriptor closed once, whatever happens:
 * own process, daemon → object → user → cache → single flight → daemon → decision → answer → close.
 *
 * Several gates exist, each on a thread of its own; one is on duty and reads. See `README.md` in this folder.
 */
export class Gate {
  readonly #deps: GateDeps;
  readonly #keeper: VerdictKeeper;
  readonly #flights = new Flights();
  readonly #deadlines = new Deadlines();
  readonly #facts: OpenerFacts;
  readonly #link: DaemonLink<Flight>;
  readonly #polls = new Map<number, PollHandle>();
  readonly #record = Buffer.alloc(constants.FAN_EVENT_METADATA_LEN);
  readonly #response = Buffer.alloc(8);
  readonly #status = emptyFileStatus();
  readonly #pollsWanted = { readable: true, writable: false };
  #onDuty = false;
  #writesSeen = 0;

  constructor(deps: GateDeps) {
    this.#deps = deps;
    const { native, settings } = deps;
    this.#keeper = new VerdictKeeper(native, settings);
    this.#facts = new OpenerFacts(native.files);
    this.#link = new DaemonLink<Flight>(
      { ...native, poller: this.#turnPoller() },
      {
        socketPath: settings.socketPath,
        windowScans: settings.scansInFlightMax,
        silenceMaxMs: settings.deadlineMs * SILENCE_FACTOR,
        spinMaxMs: settings.spinMaxMs,
        nowMs: deps.nowMs,
      },
      {
        onVerdict: (flight, verdict) => {
          this.#onVerdict(flight, verdict);
        },
        onLost: (flight) => {
          this.#land(flight, failed('daemonDown'));
        },
        onUp: (daemonPid) => {
          deps.duty.daemonPid = daemonPid;
          deps.tell({ kind: 'daemonUp', pid: daemonPid });
        },
        onDown: (reason) => {
          deps.tell({ kind: 'daemonDown', reason });
        },
        onDatabaseChanged: () => {
          this.#flushVerdicts();
          deps.tell({ kind: 'databaseChanged' });
        },
      },
    );
  }

  /** Reads this group too, while on duty. Borrows it until it is released or the gate is closed. */
  addGroup(group: number): void {
    const poll = this.#deps.native.poller.watch(group, this.#pollsWanted, () => {
      this.#turn(group);
    });
    if (!this.#deps.duty.isMine) poll.want(NOTHING);
    this.#polls.set(group, poll);
  }

  /** Lets go of a group that has had no marks for longer than any open waits. */
  releaseGroup(group: number): void {
    this.#polls.get(group)?.close();
    this.#polls.delete(group);
    this.#deps.tell({ kind: 'groupReleased', group });
  }

  /** The gate's clock: deadlines, the link, relieving a stuck gate. Called every few tens of milliseconds. */
  tick(): void {
    const { duty, settings } = this.#deps;
    const nowMs = this.#deps.nowMs();
    this.#asTurn(() => {
      this.#link.tick(nowMs);
      for (let late = this.#deadlines.nextExpired(nowMs); late; late = this.#deadlines.nextExpired(nowMs)) {
        this.#settle(late, failed('timeout'));
        if (!late.flight.isAwaited) this.#flights.remove(late.flight);
      }
      const relieved = duty.relieve(nowMs, settings.stuckAfterMs);
      this.#adoptDuty();
      if (relieved !== undefined) this.#reportTakeover(relieved);
      if (duty.isMine) this.#takeOverFromStuck(nowMs);
    });
  }

  /** Answers all that is held by the failure table and closes everything. Groups stay open: they are borrowed. */
  close(): void {
    for (const held of this.#deadlines.takeAll()) this.#settle(held, failed('daemonDown'));
    this.#link.close();
    for (const poll of this.#polls.values()) poll.close();
    this.#polls.clear();
  }

  #turn(group: number): void {
    this.#asTurn(() => {
      this.#heedUnseenWrites();
      this.#readEvents(group);
      this.#link.spin();
    });
    this.#adoptDuty();
  }

  #readEvents(group: number): void {
    const { duty, native, counters } = this.#deps;
    const nowMs = this.#deps.nowMs();
    try {
      // Relieved in the middle, it stops at once: what it read would be judged by what it alone knows.
      for (let read = 0; read < EVENTS_PER_TURN && duty.isMine; read += 1) {
        // One event a read: a reader that gets stuck in making one descriptor must not sit on others it has made.
        const gotBytes = native.fanotify.readEvents(group, this.#record);
        if (gotBytes === WOULD_BLOCK) return;
        counters.count('events');
        this.#dispatch(gotBytes, group, nowMs);
      }
    } catch (error) {
      counters.count('readErrors');
      this.#deps.tell({ kind: 'trouble', message: `reading events: ${messageOf(error)}` });
    }
  }

  /** Whatever this thread does with files can block, so it is always known since when it does. */
  #asTurn(work: () => void): void {
    const { duty } = this.#deps;
    duty.beginTurn(this.#deps.nowMs());
    try {
      work();
    } finally {
      duty.endTurn();
    }
  }

  /** The poller for the link: its callbacks answer opens and close their descriptors, so they are turns too. */
  #turnPoller(): Poller {
    const { poller } = this.#deps.native;
    return {
      get openHandles() {
        return poller.openHandles;
      },
      watch: (fd, events, onReady) =>
        poller.watch(fd, events, (ready) => {
          this.#asTurn(() => {
            onReady(ready);
          });
        }),
    };
  }

  #dispatch(gotBytes: number, group: number, nowMs: number): void {
    const record = gotBytes === this.#record.length ? this.#record : this.#record.subarray(0, gotBytes);
    const event = decodeEvent(record);
    const { counters } = this.#deps;
    switch (event.kind) {
      case 'permission':
        this.#take({ fd: event.fd, group, pid: event.pid }, nowMs);
        return;
      case 'opened':
        if (event.afterWrite) this.#forgetWritten(event.fd, group);
        this.#take({ fd: event.fd, group, pid: event.pid }, nowMs);
        return;
      case 'closedAfterWrite':
        this.#forgetWritten(event.fd, group);
        this.#deps.native.files.close(event.fd);
        return;
      case 'noDescriptor':
        counters.count('noDescriptor');
        this.#deps.tell({ kind: 'noDescriptor', errno: event.errno, pid: event.pid });
        return;
      case 'overflow':
        counters.count('queueOverflows');
        this.#deps.tell({ kind: 'queueOverflow' });
        return;
      case 'malformed':
        this.#deps.tell({ kind: 'trouble', message: `malformed fanotify event: ${event.reason}` });
        if (event.fd >= 0) this.#answerAndClose({ fd: event.fd, group, pid: 0 }, INTERNAL_ERROR);
    }
  }

  /** From arrival to either an answer or a place among those who wait. */
  #take(event: ArrivedEvent, nowMs: number): void {
    const known = this.#judge(event);
    if (known === undefined) this.#wait(event, nowMs);
    else this.#answerAndClose(event, known);
  }

  /** @returns the outcome where no scan is needed */
  #judge(event: ArrivedEvent): Outcome | undefined {
    try {
      const skip = this.#skipsBeforeStat(event.pid);
      if (skip !== undefined) return skip;
      this.#deps.native.files.status(event.fd, this.#status);
      return this.#knownOutcome(event);
    } catch (error) {
      this.#deps.tell({ kind: 'trouble', message: messageOf(error) });
      return INTERNAL_ERROR;
    }
  }

  #skipsBeforeStat(pid: number): Outcome | undefined {
    if (pid === this.#deps.settings.ownPid) return OWN_PROCESS;
    return pid !== 0 && pid === this.#deps.duty.daemonPid ? DAEMON_PROCESS : undefined;
  }

  #knownOutcome(event: ArrivedEvent): Outcome | undefined {
    const { settings } = this.#deps;
    const screening = screenObject(this.#status, settings.maxFileBytes);
    if (screening.kind === 'skip') return skipped(screening.reason);
    if (settings.excludedUids.length > 0 && settings.excludedUids.includes(this.#facts.uid(event.pid))) {
      return EXCLUDED_USER;
    }
    if (screening.kind === 'fail') return failed(screening.cause);
    return this.#keeper.knowsClean(this.#status, event.fd) ? CACHED : undefined;
  }

  #wait(event: ArrivedEvent, nowMs: number): void {
    const slot = this.#deps.slots.hold(event.fd, event.group, event.pid);
    if (slot === undefined) {
      this.#answerAndClose(event, failed('overload'));
      return;
    }
    const under = this.#flights.find(this.#status, this.#keeper.generation);
    const flight = under ?? this.#newFlight(event.fd);
    const held = new HeldEvent(event, slot, flight, nowMs + this.#deps.settings.deadlineMs);
    flight.waiters.push(held);
    this.#deadlines.add(held);
    this.#deps.slots.park(slot);
    if (under !== undefined) {
      this.#deps.counters.count('joinedFlights');
      return;
    }
    this.#flights.add(flight);
    this.#deps.counters.count('scans');
    this.#link.submit(flight);
  }

  #newFlight(fd: number): Flight {
    const key = keyOf(this.#status);
    return new Flight(key, {
      generation: this.#keeper.generation,
      keepable: this.#keeper.mayKeep(key, fd),
      slots: this.#deps.slots,
    });
  }

  #onVerdict(flight: Flight, verdict: ScanVerdict): void {
    this.#land(flight, outcomeOfVerdict(verdict));
  }

  /** Ends a flight: everybody is answered first, the verdict is kept after that, and the descriptors go last. */
  #land(flight: Flight, outcome: Outcome): void {
    this.#flights.remove(flight);
    let witness: HeldEvent | undefined;
    for (const held of flight.waiters) {
      if (held.settled || !this.#resume(held)) continue;
      this.#answer(held, outcome);
      if (witness === undefined) witness = held;
      else this.#letGo(held);
    }
    if (witness === undefined) return;
    if (outcome.kind === 'clean') this.#keep(flight, witness);
    this.#letGo(witness);
  }

  /** Answers one waiting event ahead of its flight. */
  #settle(held: HeldEvent, outcome: Outcome): void {
    if (!this.#resume(held)) return;
    this.#answer(held, outcome);
    this.#letGo(held);
  }

  /** @returns false when another gate has taken it over, descriptor and all */
  #resume(held: HeldEvent): boolean {
    held.settled = true;
    if (this.#deps.slots.resume(held.slot)) return true;
    this.#deps.slots.release(held.slot);
    return false;
  }

  #letGo(held: HeldEvent): void {
    this.#deps.native.files.close(held.fd);
    this.#deps.slots.release(held.slot);
  }

  #keep(flight: Flight, witness: HeldEvent): void {
    this.#heedUnseenWrites();
    try {
      if (this.#keeper.keepClean(flight, witness)) this.#deps.counters.count('kernelMarks');
    } catch (error) {
      this.#deps.tell({ kind: 'trouble', message: `keeping a verdict: ${messageOf(error)}` });
    }
  }

  #answerAndClose(event: ArrivedEvent, outcome: Outcome): void {
    this.#answer(event, outcome);
    if (outcome === CACHED && this.#keeper.markInKernel(this.#status, event)) {
      this.#deps.counters.count('kernelMarks');
    }
    this.#deps.native.files.close(event.fd);
  }

  /** Tells the kernel, counts, and only then tells the main thread. Borrows the event's fd. */
  #answer(event: ArrivedEvent, outcome: Outcome): void {
    const { settings, counters } = this.#deps;
    const decision = decide(outcome, settings.failurePolicy);
    // The opener may be gone once it is answered, so what the log wants to know of it is asked before.
    const detection =
      outcome.kind === 'infected' ? this.#describe(event, outcome.signatureName, decision) : undefined;
    const failurePath = outcome.kind === 'failed' ? this.#facts.path(event.fd) : '';
    if (settings.prevention) {
      this.#response.writeInt32LE(event.fd, 0);
      this.#response.writeUInt32LE(decision === 'allow' ? constants.FAN_ALLOW : constants.FAN_DENY, 4);
      try {
        this.#deps.native.fanotify.respond(event.group, this.#response, 1);
      } catch (error) {
        counters.count('responseErrors');
        this.#deps.tell({ kind: 'trouble', message: `answering the kernel: ${messageOf(error)}` });
      }
      if (decision === 'deny') counters.count('denied');
    }
    counters.count(counterOf(outcome));
    if (detection !== undefined) this.#deps.tell({ kind: 'detection', detection });
    if (outcome.kind === 'failed') {
      this.#deps.tell({ kind: 'failure', cause: outcome.cause, path: failurePath, pid: event.pid });
    }
  }

  #describe(event: ArrivedEvent, signatureName: string, decision: 'allow' | 'deny'): Detection {
    return {
      path: this.#facts.path(event.fd),
      signatureName,
      pid: event.pid,
      executable: this.#facts.executable(event.pid),
      uid: this.#facts.uid(event.pid),
      decision: this.#deps.settings.prevention ? decision : 'notified',
    };
  }

  /** Somebody who could write has closed the file. Borrows the fd. */
  #forgetWritten(fd: number, group: number): void {
    const { native, duty, counters } = this.#deps;
    counters.count('closesAfterWrite');
    // Read before this gate was relieved: the one on duty now has to know as well.
    if (!duty.isMine) duty.noteUnseenWrite();
    try {
      native.files.status(fd, this.#status);
      this.#keeper.forget(this.#status, { fd, group });
      this.#flights.spoil(this.#status);
    } catch (error) {
      this.#flushVerdicts(); // which file it was is unknown
      this.#deps.tell({ kind: 'trouble', message: `after a write: ${messageOf(error)}` });
    }
  }

  /** Another gate was told of a write that this one should have been told of; which file it was is unknown here. */
  #heedUnseenWrites(): void {
    const { unseenWrites } = this.#deps.duty;
    if (unseenWrites === this.#writesSeen) return;
    this.#writesSeen = unseenWrites;
    this.#flushVerdicts();
  }

  #flushVerdicts(): void {
    this.#keeper.flush();
    this.#flights.spoilAll();
    this.#deps.counters.count('cacheFlushes');
  }

  #reportTakeover(relieved: number): void {
    this.#deps.counters.count('takeovers');
    this.#deps.tell({ kind: 'takeover', from: relieved });
  }

  /** The opens that wait in the hands of gates that cannot answer them. Each is claimed only when it is taken up. */
  #takeOverFromStuck(nowMs: number): void {
    const { duty, slots, slotsPerGate, settings } = this.#deps;
    for (const gate of duty.stuckOthers(nowMs, settings.stuckAfterMs)) {
      for (const event of slots.claimFrom(gate, slotsPerGate)) this.#take(event, nowMs);
    }
  }

  /** Starts or stops reading when the duty has changed hands. */
  #adoptDuty(): void {
    const { isMine } = this.#deps.duty;
    if (isMine === this.#onDuty) return;
    this.#onDuty = isMine;
    // What changed while another gate read the events is unknown to this one.
    if (isMine) this.#flushVerdicts();
    for (const poll of this.#polls.values()) poll.want(isMine ? this.#pollsWanted : NOTHING);
  }
}

const NOTHING = { readable: false, writable: false };
const OWN_PROCESS = skipped('ownProcess');
const DAEMON_PROCESS = skipped('daemonProcess');
const EXCLUDED_USER = skipped('excludedUser');
const CACHED = skipped('cached');
const INTERNAL_ERROR = failed('internalError');

function skipped(reason: SkipReason): Outcome {
  return { kind: 'skipped', reason };
}

function failed(cause: FailureCause): Outcome {
  return { kind: 'failed', cause };
}
