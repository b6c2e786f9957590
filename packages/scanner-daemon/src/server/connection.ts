import { setMaxListeners } from 'node:events';
import type { ScanVerdict, WireText } from '@portcullis/shared';
import type { FileStatus, OwnedFd } from '@portcullis/shared/native';
import type { ScanJob } from '../scheduler/scan-job.js';
import { shownVerdict } from './alerts.js';
import type { Client, ScanRequest } from './client.js';
import type { SlotWaiter } from './job-gate.js';
import { READ_TIMED_OUT_REPLY, replyToVerdict } from './reply-text.js';
import { reportScan } from './report-scan.js';
import {
  DRAIN_MAX_MS,
  PIPELINED_SCANS_MAX,
  SILENT_MAX_MS_WHEN_FULL,
  UPLOAD_DRAIN_MAX_MS,
} from './server-config.js';
import type { ServerServices } from './server-services.js';
import { Session } from './session.js';
import type { CloseReason, Transport, TransportHandler } from './transport.js';

/** A constant: the DOMException that abort() makes of none costs more than serving a small scan's reply. */
const CLIENT_GONE = 'the client is gone';

/** Reading that paused because of too many unanswered scans goes on when so many are left. */
const PIPELINED_SCANS_RESUME = PIPELINED_SCANS_MAX / 2;

/**
 * One client: its transport, its session, its scans under way and its clock. It stops reading while it may not submit
 * more scans, while the client does not read its replies, and while a spool is behind; all three are bounded.
 */
export class Connection implements Client, TransportHandler, SlotWaiter {
  readonly #transport: Transport;
  readonly #services: ServerServices;
  readonly #session: Session;
  readonly #onClosed: (connection: Connection) => void;
  /** Made for the first scan that can be cancelled: most are answered on the spot. */
  #abort: AbortController | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  /** Requests without an answer. */
  #unanswered = 0;
  /** Submitted as slots come free. */
  readonly #held: ScanJob[] = [];
  #reading: 'on' | 'paused' = 'on';
  #pumping = false;
  readonly #acceptedAtMs: number;
  #hasSpoken = false;
  #deadlineAtMs: number;
  #drainWaiters: (() => void)[] = [];

  /** @param options.fileStatus scratch space, shared by all connections. */
  constructor(
    transport: Transport,
    services: ServerServices,
    options: { fileStatus: FileStatus; onClosed: (connection: Connection) => void },
  ) {
    this.#transport = transport;
    this.#services = services;
    this.#session = new Session(this, services, options.fileStatus);
    this.#onClosed = options.onClosed;
    const { commandReadTimeoutMs } = services.clocks;
    this.#acceptedAtMs = services.now();
    this.#deadlineAtMs =
      commandReadTimeoutMs === 0 ? Number.POSITIVE_INFINITY : this.#acceptedAtMs + commandReadTimeoutMs;
  }

  start(): void {
    this.#transport.start(this);
  }

  get peerName(): string {
    return this.#transport.peerName;
  }

  get unanswered(): number {
    return this.#unanswered;
  }

  // --- what the transport says

  onBytes(bytes: Buffer, fds: readonly OwnedFd[]): void {
    this.#hasSpoken = true;
    if (this.#state !== 'open') {
      for (const fd of fds) fd.close();
      return;
    }
    this.#session.push(bytes, fds);
    this.#pump();
    // Whatever held it up, the transport needs its memory for the next client.
    this.#session.hold();
  }

  onEnd(): void {
    if (this.#state !== 'open') return;
    if (this.#session.endsWhenAnswered && this.#transport.peerGone()) this.cutOff();
    else this.#session.clientEnded();
  }

  onDrained(): void {
    this.#wakeDrainWaiters();
    this.proceed();
  }

  onClosed(reason: CloseReason): void {
    const dropped = this.#unanswered;
    this.#letGo();
    this.#state = 'closed';
    this.#services.log.clientClosed(this.peerName, reason, dropped);
    this.#onClosed(this);
  }

  // --- what the session and its commands ask

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      // Every scan under way listens; their number is bounded elsewhere.
      setMaxListeners(0, this.#abort.signal);
      if (this.#state !== 'open') this.#abort.abort(CLIENT_GONE);
    }
    return this.#abort.signal;
  }

  get congested(): boolean {
    return this.#state === 'open' && this.#transport.congested;
  }

  onceDrained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.congested) this.#drainWaiters.push(resolve);
      else resolve();
    });
  }

  reply(bytes: Buffer): void {
    if (this.#state === 'open') this.#transport.send(bytes);
  }

  scan(request: ScanRequest): void {
    const { source } = request;
    if (this.#state !== 'open') {
      if (source.kind === 'fd') source.fd.close();
      return;
    }
    this.began();
    this.#held.push(this.#jobFor(request));
    if (this.#held.length === 1 && this.#services.gate.acquire(this)) this.#submitHeld();
  }

  began(): void {
    this.#unanswered += 1;
  }

  done(): void {
    this.#unanswered -= 1;
    if (this.#state !== 'open') return;
    if (this.#unanswered === 0) {
      if (this.#session.endsWhenAnswered) {
        this.close('end');
        return;
      }
      // Waiting for our answers is not idling.
      this.clock('read');
    }
    this.proceed();
  }

  clock(next: 'read' | 'off'): void {
    this.#deadlineAtMs =
      next === 'off' ? Number.POSITIVE_INFINITY : this.#services.now() + this.#services.clocks.readTimeoutMs;
  }

  close(how: 'end' | 'drain' | 'drainUpload' | 'drop'): void {
    if (this.#state !== 'open') return;
    this.#letGo();
    if (how === 'end') this.#transport.end();
    else if (how === 'drain') this.#transport.endAfterDraining(DRAIN_MAX_MS);
    else if (how === 'drainUpload') this.#transport.endAfterDraining(UPLOAD_DRAIN_MAX_MS);
    else this.#transport.destroy();
  }

  proceed(): void {
    if (this.#reading === 'paused') this.#pump();
  }

  onSlot(): void {
    this.#submitHeld();
    this.proceed();
  }

  // --- what the server says

  /** About once a second. */
  tick(nowMs: number): void {
    if (this.#state !== 'open') return;
    if (this.#unanswered > 0 && this.#transport.peerGone()) {
      this.cutOff();
      return;
    }
    const waitsForUs =
      this.#reading === 'paused' || (this.#session.state === 'inSession' && this.#unanswered > 0);
    if (nowMs <= this.#deadlineAtMs || waitsForUs) return;
    this.reply(READ_TIMED_OUT_REPLY);
    // To a client that has said nothing a reset can do no harm; one in the middle of something may be sending still.
    if (!this.#hasSpoken) this.close('end');
    else this.close(this.#session.state === 'receivingStream' ? 'drainUpload' : 'drain');
  }

  /**
   * Somebody else waits for a place: a connection that has had a while and come up with no command gives its own up.
   *
   * @returns whether it did.
   */
  makeRoom(nowMs: number): boolean {
    const isSilent = this.#state === 'open' && this.#session.state === 'awaitingCommand';
    if (!isSilent || nowMs - this.#acceptedAtMs < SILENT_MAX_MS_WHEN_FULL) return false;
    this.reply(READ_TIMED_OUT_REPLY);
    this.close('end');
    return true;
  }

  databaseSwapped(): void {
    this.#session.databaseSwapped();
  }

  /** The daemon ends: nothing more is taken from the client, what is under way is answered. */
  finishUp(): void {
    if (this.#state !== 'open') return;
    this.#session.finishUp();
    if (this.#unanswered === 0) this.close('end');
  }

  /** Closes now, also when what was queued is still going out. */
  cutOff(): void {
    this.#letGo();
    this.#transport.destroy();
  }

  // --- inside

  /** Serves what has arrived until something holds it up, then reads on or pauses accordingly. */
  #pump(): void {
    if (this.#pumping) return;
    const wasPaused = this.#reading === 'paused';
    if (wasPaused && this.#blocked()) return;
    this.#pumping = true;
    this.#reading = 'on';
    while (this.#state === 'open' && !this.#blocked() && this.#session.step());
    this.#pumping = false;
    if (this.#state !== 'open') return;
    if (this.#session.endsWhenAnswered && this.#unanswered === 0) {
      this.close('end');
      return;
    }
    if (this.#blocked() || this.#session.deaf) this.#reading = 'paused';
    const isPaused = this.#reading === 'paused';
    if (isPaused && !wasPaused) this.#transport.pause();
    if (!isPaused && wasPaused) this.#transport.resume();
  }

  #blocked(): boolean {
    const scansMax = this.#reading === 'paused' ? PIPELINED_SCANS_RESUME : PIPELINED_SCANS_MAX;
    return (
      this.#held.length > 0 ||
      this.#unanswered >= scansMax ||
      this.#transport.congested ||
      this.#session.waiting
    );
  }

  #jobFor(request: ScanRequest): ScanJob {
    const { source, task, label } = request;
    const startedAtMs = this.#services.now();
    const signalOf = (): AbortSignal => this.signal;
    return {
      source,
      task,
      label,
      allMatch: false,
      priority: request.inSession ? 'bulk' : 'single',
      get signal() {
        return signalOf();
      },
      onVerdict: (verdict) => {
        this.#services.gate.release();
        this.#answer(request, verdict, startedAtMs);
      },
    };
  }

  #answer(request: ScanRequest, verdict: ScanVerdict, startedAtMs: number): void {
    const shown = shownVerdict(verdict, this.#services.alerts);
    const { frame, tellsIncomplete } = request;
    this.reply(replyToVerdict(request.name, shown, { frame, allMatch: false, tellsIncomplete }));
    const outcome = { verdict, shown, durationMs: this.#services.now() - startedAtMs };
    const nameOf = (): WireText => this.#logName(request);
    // Most scans are clean, and then hardly anybody asks for the name.
    reportScan(
      this.#services,
      verdict.kind === 'clean'
        ? {
            get name() {
              return nameOf();
            },
            ...outcome,
          }
        : { name: nameOf(), ...outcome },
    );
    this.done();
  }

  /** The log knows a descriptor by its file (behaviour 1.7), as long as the job has not closed it. */
  #logName({ source, task, label }: ScanRequest): WireText {
    if (source.kind !== 'fd' || task === 'INSTREAM') return label;
    try {
      return this.#services.native.files.readLink(`/proc/self/fd/${source.fd.borrow()}`);
    } catch {
      return label;
    }
  }

  /** Submits the first of what is held, with the slot that the caller got. */
  #submitHeld(): void {
    const job = this.#held.shift();
    if (job === undefined) {
      this.#services.gate.release();
      return;
    }
    if (this.#held.length > 0) queueMicrotask(this.#submitMore);
    this.#services.stats.counters.jobs += 1;
    this.#services.scanner.submit(job);
  }

  readonly #submitMore = (): void => {
    if (this.#held.length > 0 && this.#services.gate.acquire(this)) this.onSlot();
  };

  /** Nobody waits for answers any more: cancels what is under way, closes what is held. */
  #letGo(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#services.gate.forget(this);
    for (const job of this.#held.splice(0)) {
      this.#unanswered -= 1;
      if (job.source.kind === 'fd') job.source.fd.close();
    }
    this.#session.close();
    if (this.#unanswered > 0) this.#abort?.abort(CLIENT_GONE);
    this.#wakeDrainWaiters();
  }

  #wakeDrainWaiters(): void {
    for (const wake of this.#drainWaiters.splice(0)) wake();
  }
}
