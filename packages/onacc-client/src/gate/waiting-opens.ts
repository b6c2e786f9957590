import type { ScanVerdict } from '@portcullis/shared';
import type { FileStatus, NativeApi } from '@portcullis/shared/native';
import { failed, outcomeOfVerdict } from '../policy/decide.js';
import type { FailureCause, Outcome } from '../policy/decide.js';
import type { LinkObserver, ScanLink } from '../scan/link-contract.js';
import { createScanLink } from '../scan/stream-lanes.js';
import type { Answers } from './answers.js';
import type { Counters } from './counters.js';
import { Deadlines } from './deadlines.js';
import type { EventSlots } from './event-slots.js';
import type { FileKey } from './file-key.js';
import { Flight, Flights, HeldEvent } from './flights.js';
import type { FlightFile, JudgedEvent } from './flights.js';
import type { GateSettings } from './messages.js';

/** Past its silence the daemon is given up; a little longer than any open waits for it. */
const SILENCE_FACTOR = 2;
/** Between a failed try of a scan and the next one. */
const RETRY_PAUSE_MS = 100;
/** Scans of written files at the daemon at a time: this part of the window, so that opens find room in it. */
const EXTRA_SHARE = 1 / 4;
const SCANNING = { kind: 'scanning' } as const;
const OVER = { kind: 'over' } as const;

export interface WaitingOpensDeps {
  readonly native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>;
  readonly settings: GateSettings;
  readonly slots: EventSlots;
  readonly slotsPerGate: number;
  readonly counters: Counters;
  readonly answers: Answers;
  readonly keeper: {
    readonly generation: number;
    isQuiet(status: FileStatus, fd: number): boolean;
    beforeScan(status: FileStatus, fd: number): FlightFile;
  };
  /** Keeps a clean verdict; never throws. @returns whether the keeper has taken the witness's descriptor. */
  readonly keepClean: (flight: Flight, witness: HeldEvent) => boolean;
  readonly nowMs: () => number;
  readonly onLink: Pick<LinkObserver<Flight>, 'onUp' | 'onDown' | 'onDatabaseChanged'>;
}

/**
 * The events that wait for a scan, and the scans. Each event that is taken in here is ended once: by the verdict, by its
 * deadline, by the last failure of its scan, or by the stop; or another gate takes it over.
 */
export class WaitingOpens {
  readonly #deps: WaitingOpensDeps;
  readonly #flights = new Flights();
  readonly #deadlines = new Deadlines();
  readonly #link: ScanLink<Flight>;
  /** In the order in which their pauses end: all are of the same length. */
  readonly #pausing: Flight[] = [];
  /** Scans of written files that have not begun. */
  readonly #queued: Flight[] = [];
  #extraUnderWay = 0;
  #isStartingExtra = false;
  #closing = false;

  constructor(deps: WaitingOpensDeps) {
    this.#deps = deps;
    const { settings, onLink } = deps;
    this.#link = createScanLink<Flight>(
      deps.native,
      {
        endpoint: settings.endpoint,
        transfer: settings.transfer,
        streamMaxBytes: settings.streamMaxBytes,
        connectMaxMs: settings.deadlineMs,
        windowScans: settings.scansInFlightMax,
        silenceMaxMs: settings.deadlineMs * SILENCE_FACTOR,
        spinMaxMs: settings.spinMaxMs,
        nowMs: deps.nowMs,
        ...(settings.commandReadTimeoutMs === undefined
          ? {}
          : { commandReadTimeoutMs: settings.commandReadTimeoutMs }),
      },
      {
        onVerdict: (flight, verdict) => {
          this.#onVerdict(flight, verdict);
        },
        onTooLarge: (flight) => {
          this.#land(flight, failed('tooLarge'));
        },
        onLost: (flight) => {
          this.#onFailure(flight, 'daemonDown');
        },
        onUp: (pid) => {
          onLink.onUp(pid);
        },
        onDown: (reason) => {
          onLink.onDown(reason);
        },
        onDatabaseChanged: () => {
          onLink.onDatabaseChanged();
        },
      },
    );
  }

  /** Takes an event in until its file is judged, whose status is given. */
  wait(event: JudgedEvent, status: FileStatus): void {
    const { slots, counters, keeper } = this.#deps;
    const { arrivedAtMs = this.#deps.nowMs() } = event;
    const slot = this.#hasRoomFor(event) ? slots.hold(event, arrivedAtMs) : undefined;
    if (slot === undefined) {
      this.#deps.answers.answer(event, failed('overload'));
      this.#deps.native.files.close(event.fd);
      return;
    }
    if (event.kind === 'written') counters.count('extraScans');
    const found = this.#flights.find(status, keeper.generation);
    const under = found !== undefined && keeper.isQuiet(status, event.fd) ? found : undefined;
    const flight = under ?? this.#newFlight(status, event.fd);
    const held = new HeldEvent(event, slot, flight, arrivedAtMs);
    flight.waiters.push(held);
    slots.park(slot);
    if (under !== undefined) {
      counters.count('joinedFlights');
      this.#join(under, held);
      return;
    }
    this.#flights.add(flight);
    if (event.kind === 'written') {
      this.#queued.push(flight);
      this.#startExtra();
    } else {
      this.#start(flight);
    }
  }

  /** The clock of the link, of pauses and deadlines. */
  tick(nowMs: number): void {
    this.#link.tick(nowMs);
    this.#endPauses(nowMs);
    for (let late = this.#deadlines.nextExpired(nowMs); late; late = this.#deadlines.nextExpired(nowMs)) {
      const { phase } = late.flight;
      // Between two tries it is the failure that counts: nobody was asked any more.
      this.#settle(late, failed(phase.kind === 'pausing' ? phase.cause : 'timeout'));
      if (!late.flight.isAwaited) this.#flights.remove(late.flight);
    }
  }

  /** See {@link ScanLink.spin}. */
  spin(): void {
    this.#link.spin();
  }

  /** The file was closed by somebody who could write: what is under way about it is stale. */
  spoil(status: FileKey): void {
    this.#flights.spoil(status);
  }

  spoilAll(): void {
    this.#flights.spoilAll();
  }

  /** Answers all who wait by the row `stopping` and closes the link. */
  close(): void {
    this.#closing = true;
    for (const held of this.#deadlines.takeAll()) this.#settle(held, failed('stopping'));
    for (const flight of this.#queued.splice(0)) {
      for (const held of flight.waiters) if (!held.settled && this.#resume(held)) this.#letGo(held);
    }
    this.#link.close();
  }

  /** Written files get at most half of the slots. */
  #hasRoomFor(event: JudgedEvent): boolean {
    return event.kind !== 'written' || this.#deps.slots.freeSlots * 2 > this.#deps.slotsPerGate;
  }

  #newFlight(status: FileStatus, fd: number): Flight {
    const { keeper, slots, settings } = this.#deps;
    return new Flight(keeper.beforeScan(status, fd), {
      generation: keeper.generation,
      slots,
      retriesLeft: settings.retryAttempts,
    });
  }

  #join(flight: Flight, held: HeldEvent): void {
    if (flight.phase.kind !== 'queued') {
      this.#startClock(held);
    } else if (held.kind !== 'written') {
      // Somebody waits for it now: it does not stand in line any more.
      this.#queued.splice(this.#queued.indexOf(flight), 1);
      this.#start(flight);
    }
  }

  #start(flight: Flight): void {
    flight.phase = SCANNING;
    this.#deps.counters.count('scans');
    for (const held of flight.waiters) this.#startClock(held);
    this.#link.submit(flight);
  }

  /** Who waits has done so since he came, to whichever gate; nobody waits for a written file, whose time is its scan's. */
  #startClock(held: HeldEvent): void {
    const sinceMs = held.kind === 'written' ? this.#deps.nowMs() : held.arrivedAtMs;
    held.deadlineAtMs = sinceMs + this.#deps.settings.deadlineMs;
    this.#deadlines.add(held);
  }

  /** Begins scans of written files. A scan may end before `submit` returns, so this is not entered twice. */
  #startExtra(): void {
    if (this.#isStartingExtra || this.#closing) return;
    this.#isStartingExtra = true;
    const underWayMax = Math.max(1, Math.floor(this.#deps.settings.scansInFlightMax * EXTRA_SHARE));
    while (this.#extraUnderWay < underWayMax) {
      const flight = this.#queued.shift();
      if (flight === undefined) break;
      flight.isExtra = true;
      this.#extraUnderWay += 1;
      this.#start(flight);
    }
    this.#isStartingExtra = false;
  }

  #onVerdict(flight: Flight, verdict: ScanVerdict): void {
    const outcome = outcomeOfVerdict(verdict);
    if (outcome.kind === 'failed' && outcome.cause === 'scanError') this.#onFailure(flight, outcome.cause);
    else this.#land(flight, outcome);
  }

  /** OnAccessRetryAttempts: another try while somebody can still wait for it; the last failure counts as what it is. */
  #onFailure(flight: Flight, cause: FailureCause): void {
    const untilMs = this.#deps.nowMs() + RETRY_PAUSE_MS;
    if (this.#closing || flight.retriesLeft === 0 || flight.lastDeadlineMs <= untilMs) {
      this.#land(flight, failed(cause));
      return;
    }
    flight.retriesLeft -= 1;
    flight.phase = { kind: 'pausing', cause, untilMs };
    this.#pausing.push(flight);
  }

  #endPauses(nowMs: number): void {
    for (let first = this.#pausing[0]; first !== undefined; first = this.#pausing[0]) {
      if (first.phase.kind !== 'pausing' || first.phase.untilMs > nowMs) return;
      this.#pausing.shift();
      if (first.isAwaited) {
        first.phase = SCANNING;
        this.#deps.counters.count('retries');
        this.#link.submit(first);
      } else {
        this.#end(first);
      }
    }
  }

  /** Ends a flight: everybody is answered first, the verdict is kept after that, and the last descriptor goes last. */
  #land(flight: Flight, outcome: Outcome): void {
    this.#flights.remove(flight);
    let witness: HeldEvent | undefined;
    let handedOver = false;
    for (const held of flight.waiters) {
      if (held.settled || !this.#resume(held)) continue;
      const offersFd = witness === undefined;
      const taken = this.#deps.answers.answer(held, outcome, { key: flight.key, offersFd });
      if (witness === undefined) [witness, handedOver] = [held, taken];
      else this.#letGo(held);
    }
    if (witness !== undefined) {
      const kept = outcome.kind === 'clean' && this.#deps.keepClean(flight, witness);
      if (handedOver || kept) this.#deps.slots.release(witness.slot);
      else this.#letGo(witness);
    }
    this.#deps.answers.tellDetections();
    this.#end(flight);
  }

  #end(flight: Flight): void {
    if (flight.phase.kind === 'over') return;
    flight.phase = OVER;
    this.#flights.remove(flight);
    if (!flight.isExtra) return;
    this.#extraUnderWay -= 1;
    this.#startExtra();
  }

  /** Ends one waiting event ahead of its flight. */
  #settle(held: HeldEvent, outcome: Outcome): void {
    if (!this.#resume(held)) return;
    this.#deps.answers.answer(held, outcome, { key: held.flight.key });
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
}
