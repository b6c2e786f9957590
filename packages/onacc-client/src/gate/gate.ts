import { constants, WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, Poller } from '@portcullis/shared/native';
import { messageOf } from '@portcullis/shared';
import { CACHED, failed } from '../policy/decide.js';
import type { Outcome } from '../policy/decide.js';
import { Answers } from './answers.js';
import { ArrivalScreen } from './arrival-screen.js';
import { DaemonChildren } from './daemon-children.js';
import type { Counters } from './counters.js';
import { decodeEvent } from './decode-event.js';
import type { Duty } from './duty.js';
import type { EventSlots } from './event-slots.js';
import type { Flight, HeldEvent, JudgedEvent } from './flights.js';
import { GroupPolls } from './group-polls.js';
import type { GroupChoice } from './group-polls.js';
import type { HandOver } from './hand-over.js';
import type { LeaseGuard } from './lease-guard.js';
import type { GateEvent, GateSettings } from './messages.js';
import { OpenerFacts } from './opener-facts.js';
import type { ReadProcText } from './opener-facts.js';
import { OwnMounts } from './own-mounts.js';
import { VerdictKeeper } from './verdict-keeper.js';
import type { Keeping } from './verdict-keeper.js';
import { WaitingOpens } from './waiting-opens.js';

/** Events read in one turn, at most, before the daemon's answers get their chance. */
const EVENTS_PER_TURN = 64;

export interface GateDeps {
  readonly native: NativeApi;
  readonly settings: GateSettings;
  readonly slots: EventSlots;
  readonly slotsPerGate: number;
  readonly duty: Duty;
  readonly counters: Counters;
  readonly handOver: HandOver;
  /** Undefined: no files are held by leases. */
  readonly leases?: LeaseGuard | undefined;
  readonly readProcText: ReadProcText;
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
  readonly #screen: ArrivalScreen;
  readonly #answers: Answers;
  readonly #waiting: WaitingOpens;
  readonly #groups: GroupPolls;
  readonly #record = Buffer.alloc(constants.FAN_EVENT_METADATA_LEN);
  #onDuty = false;
  #writesSeen = 0;

  constructor(deps: GateDeps) {
    this.#deps = deps;
    const { native, settings, duty } = deps;
    const facts = new OpenerFacts(native.files, deps.readProcText);
    this.#groups = new GroupPolls(native.poller, (group) => {
      this.#turn(group);
    });
    this.#keeper = new VerdictKeeper(native, settings, deps.leases);
    const ownMounts = new OwnMounts(deps.readProcText, deps.nowMs);
    const daemonChildren = new DaemonChildren({ facts, duty, nowMs: deps.nowMs });
    this.#screen = new ArrivalScreen({
      ...{ native, settings, facts, duty, ownMounts, daemonChildren },
      keeper: this.#keeper,
    });
    this.#answers = new Answers({ ...deps, facts });
    this.#waiting = new WaitingOpens({
      ...deps,
      native: { sockets: native.sockets, files: native.files, poller: this.#turnPoller() },
      answers: this.#answers,
      keeper: this.#keeper,
      keepClean: (flight, witness) => this.#keep(flight, witness),
      onLink: {
        onUp: (pid) => {
          duty.noteDaemon(pid);
          deps.tell({ kind: 'daemonUp', pid });
        },
        onDown: (reason) => {
          duty.noteDaemon(0);
          deps.tell({ kind: 'daemonDown', reason });
        },
        onDatabaseChanged: () => {
          this.#flushVerdicts();
          deps.tell({ kind: 'databaseChanged' });
        },
      },
    });
  }

  /**
   * Reads this group too, while on duty. Borrows it until it is released or the gate is closed.
   *
   * @param nonBlocking - whether the kernel refuses the openers of files that would block the reader
   */
  addGroup(group: number, nonBlocking: boolean): void {
    this.#groups.add(group, nonBlocking);
    this.#adoptDuty();
  }

  /** Lets go of a group that has had no marks for longer than any open waits. */
  releaseGroup(group: number): void {
    this.#groups.release(group);
    this.#deps.tell({ kind: 'groupReleased', group });
  }

  /** The gate's clock: deadlines, the link, relieving a stuck gate. Called every few tens of milliseconds. */
  tick(): void {
    const { duty, settings } = this.#deps;
    const nowMs = this.#deps.nowMs();
    duty.noteTick();
    this.#asTurn(() => {
      this.#waiting.tick(nowMs);
      const relieved = duty.relieve(nowMs, settings.stuckAfterMs);
      this.#adoptDuty();
      if (relieved !== undefined) this.#reportTakeover(relieved);
      if (duty.isMine) {
        this.#takeOverFromStuck(nowMs, (event) => {
          this.#take(event);
        });
      }
    });
  }

  /** Answers all that is held by the failure table and closes everything. Groups stay open: they are borrowed. */
  close(): void {
    this.#asTurn(() => {
      this.#waiting.close();
      this.#takeOverFromStuck(this.#deps.nowMs(), (event) => {
        this.#answerAndClose(event, failed('stopping'));
      });
    });
    this.#groups.close();
  }

  #turn(group: number): void {
    if (!this.#groups.reads(group)) return;
    this.#asTurn(() => {
      this.#heedUnseenWrites();
      this.#readEvents(group);
      this.#waiting.spin();
    });
    this.#adoptDuty();
  }

  #readEvents(group: number): void {
    const { duty, native, counters } = this.#deps;
    try {
      // Relieved in the middle, it stops at once: what it read would be judged by what it alone knows.
      for (let read = 0; read < EVENTS_PER_TURN && duty.isMine; read += 1) {
        // One event a read: a reader that gets stuck in making one descriptor must not sit on others it has made.
        const gotBytes = native.fanotify.readEvents(group, this.#record);
        if (gotBytes === WOULD_BLOCK) {
          this.#onQueueEmpty(group);
          return;
        }
        counters.count('events');
        this.#dispatch(gotBytes, group);
      }
    } catch (error) {
      counters.count('readErrors');
      this.#deps.tell({ kind: 'trouble', message: `reading events: ${messageOf(error)}` });
    }
  }

  /** Relieved meanwhile, it may not know of what another gate has read. */
  #onQueueEmpty(group: number): void {
    if (this.#deps.duty.isMine) this.#keeper.onQueueEmpty(group);
  }

  /**
   * Whatever this thread does with files can block, so it is always known since when it does. A turn that fails is never over:
   * that may be the end of the thread.
   */
  #asTurn(work: () => void): void {
    const { duty, nowMs } = this.#deps;
    duty.beginTurn(nowMs());
    try {
      work();
    } catch (error) {
      duty.failTurn(nowMs());
      throw error;
    }
    duty.endTurn();
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

  #dispatch(gotBytes: number, group: number): void {
    const record = gotBytes === this.#record.length ? this.#record : this.#record.subarray(0, gotBytes);
    const event = decodeEvent(record);
    const { counters, settings } = this.#deps;
    switch (event.kind) {
      case 'permission':
        this.#take({ kind: 'permission', fd: event.fd, group, pid: event.pid });
        return;
      case 'opened':
        if (event.afterWrite) this.#forgetWritten(event.fd, group);
        this.#take({ kind: 'opened', fd: event.fd, group, pid: event.pid });
        return;
      case 'closedAfterWrite':
        this.#forgetWritten(event.fd, group);
        if (settings.extraScanning) this.#take({ kind: 'written', fd: event.fd, group, pid: event.pid });
        else this.#deps.native.files.close(event.fd);
        return;
      case 'noDescriptor':
        counters.count('noDescriptor');
        this.#deps.tell({ kind: 'noDescriptor', errno: event.errno, pid: event.pid });
        return;
      case 'overflow':
        counters.count('queueOverflows');
        this.#deps.tell({ kind: 'queueOverflow' });
        return;
      case 'malformed': {
        this.#deps.tell({ kind: 'trouble', message: `malformed fanotify event: ${event.reason}` });
        const kind = settings.prevention ? 'permission' : 'opened';
        if (event.fd >= 0) this.#answerAndClose({ kind, fd: event.fd, group, pid: 0 }, INTERNAL_ERROR);
      }
    }
  }

  /** From arrival to either an answer or a place among those who wait. */
  #take(event: JudgedEvent): void {
    const known = this.#judge(event);
    if (known === undefined) this.#waiting.wait(event, this.#screen.status);
    else this.#answerAndClose(event, known);
  }

  /** @returns the outcome where no scan is needed */
  #judge(event: JudgedEvent): Outcome | undefined {
    try {
      return this.#screen.judge(event);
    } catch (error) {
      this.#deps.tell({ kind: 'trouble', message: messageOf(error) });
      return INTERNAL_ERROR;
    }
  }

  #answerAndClose(event: JudgedEvent, outcome: Outcome): void {
    let took = false;
    try {
      this.#answers.answer(event, outcome);
      took = outcome === CACHED && this.#tookFd(() => this.#keeper.markInKernel(this.#screen.status, event));
    } finally {
      if (!took) this.#deps.native.files.close(event.fd);
    }
  }

  /** @returns whether the keeper has taken the descriptor */
  #keep(flight: Flight, witness: HeldEvent): boolean {
    this.#heedUnseenWrites();
    return this.#tookFd(() => this.#keeper.keepClean(flight, witness));
  }

  #tookFd(keep: () => Keeping): boolean {
    try {
      const keeping = keep();
      if (keeping !== 'none') this.#deps.counters.count('kernelMarks');
      return keeping === 'tookFd';
    } catch (error) {
      this.#deps.tell({ kind: 'trouble', message: `keeping a verdict: ${messageOf(error)}` });
      return false;
    }
  }

  /** Somebody who could write has closed the file. Borrows the fd. */
  #forgetWritten(fd: number, group: number): void {
    const { native, duty, counters } = this.#deps;
    counters.count('closesAfterWrite');
    // Read before this gate was relieved: the one on duty now has to know as well.
    if (!duty.isMine) duty.noteUnseenWrite();
    try {
      const { status } = this.#screen;
      native.files.status(fd, status);
      this.#keeper.forget(status, { fd, group });
      this.#waiting.spoil(status);
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
    this.#waiting.spoilAll();
    this.#deps.counters.count('cacheFlushes');
  }

  #reportTakeover(relieved: number): void {
    this.#deps.counters.count('takeovers');
    this.#deps.tell({ kind: 'takeover', from: relieved });
  }

  /** The events that wait in the hands of gates that cannot answer them. Each is claimed only when it is taken up. */
  #takeOverFromStuck(nowMs: number, takeUp: (event: JudgedEvent) => void): void {
    const { duty, slots, slotsPerGate, settings } = this.#deps;
    for (const gate of duty.stuckOthers(nowMs, settings.stuckAfterMs)) {
      for (const event of slots.claimFrom(gate, slotsPerGate, nowMs)) takeUp(event);
    }
  }

  /** Starts or stops reading when the duty has changed hands. */
  #adoptDuty(): void {
    const { isMine } = this.#deps.duty;
    this.#groups.choose(isMine ? this.#choice() : 'none');
    if (isMine === this.#onDuty) return;
    this.#onDuty = isMine;
    // What changed while another gate read the events is unknown to this one.
    if (isMine) this.#flushVerdicts();
  }

  /** The last free gate does not touch what may block it, once there is a group that cannot: nobody could relieve it. */
  #choice(): GroupChoice {
    if (!this.#groups.hasHarmless) return 'all';
    const { duty, settings } = this.#deps;
    // Itself in a turn of no length yet, it counts among the free ones.
    return duty.freeGates(this.#deps.nowMs(), settings.stuckAfterMs) < 2 ? 'harmless' : 'all';
  }
}

const INTERNAL_ERROR = failed('internalError');
