import { encodeCommand, FILDES_NOTICE_BYTE, messageOf } from '@portcullis/shared';
import type { DecodedReply, Reply } from '@portcullis/shared';
import { isErrno, WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import { DaemonMemory } from './daemon-memory.js';
import type { SessionEnd } from './daemon-memory.js';
import { Dialler } from './dialler.js';
import type { LinkObserver, LinkOptions, ScanLink, ScanTicket } from './link-contract.js';
import { ScanBacklog } from './scan-backlog.js';
import * as sessions from './session.js';
import type { Session } from './session.js';
import { Uploader } from './uploader.js';
import type { Cut } from './uploader.js';
import { describeReply, isStreamTooLarge, verdictOfReply } from './verdict-of-reply.js';

/** How often it is looked which scans are still awaited, where something is in line. */
const SWEEP_EVERY_MS = 250;
/** After a spin in vain. */
const SPINS_SKIPPED = 32;
const RECEIVES_PER_TURN = 16;

const FILDES = Buffer.concat([encodeCommand('FILDES'), Buffer.of(FILDES_NOTICE_BYTE)]);

/**
 * One persistent IDSESSION to the daemon, over a Unix socket or TCP, on which files go out as they come, all as descriptors or
 * all as streams, and verdicts return in any order (behaviour 1.6 to 1.8). Works against clamd and against our daemon, which
 * alone sends the notice `0: …` when its signatures change. Never waits for the daemon; reconnects by itself, from {@link tick}.
 *
 * Both kinds of transfer in one session would not do: clamd 1.4.6 takes a descriptor that arrives close behind a stream for an
 * error in the stream.
 */
export class DaemonLink<Ticket extends ScanTicket> implements ScanLink<Ticket> {
  readonly #native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>;
  readonly #options: LinkOptions;
  readonly #observer: LinkObserver<Ticket>;
  readonly #dialler: Dialler;
  /** Where files are sent as streams. */
  readonly #uploader: Uploader<Ticket> | undefined;
  readonly #backlog = new ScanBacklog<Ticket>();
  readonly #memory = new DaemonMemory();
  readonly #versionEveryMs: number;
  /** Undefined while the link is down, a connection under way included. */
  #session: Session<Ticket> | undefined;
  /** The daemon ended the session, as it said it would, and is there: what waits may go on waiting. */
  #renewing = false;
  #lastEnd: SessionEnd = 'broken';
  #versionRefused = false;
  #toldDown = false;
  #spinsToSkip = 0;
  #sweptAtMs = -Infinity;

  constructor(
    native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>,
    options: LinkOptions,
    observer: LinkObserver<Ticket>,
  ) {
    this.#native = native;
    this.#options = options;
    this.#observer = observer;
    this.#versionEveryMs = sessions.versionEveryMs(options.commandReadTimeoutMs);
    this.#dialler = new Dialler({
      native,
      endpoint: options.endpoint,
      connectMaxMs: options.connectMaxMs,
      nowMs: options.nowMs,
      onConnected: (fd, peerPid) => {
        this.#open(fd, peerPid);
      },
      onFailed: (reason, isRoundOver) => {
        this.#onDialFailed(reason, isRoundOver);
      },
    });
    this.#uploader = options.transfer === 'stream' ? new Uploader(native, options.streamMaxBytes) : undefined;
  }

  /** Whether what is submitted now is sent; a connection under way does not count. */
  get isUp(): boolean {
    return this.#session !== undefined;
  }

  /** Sends the ticket's file, or keeps it in line. While the link is down it comes back as lost at once. */
  submit(ticket: Ticket): void {
    const session = this.#session;
    if (session === undefined) {
      if (this.#renewing) this.#backlog.push(ticket);
      else this.#observer.onLost(ticket);
      return;
    }
    const isInLine = session.blocked || this.#backlog.length > 0 || !this.#hasRoom(session);
    if (isInLine || !this.#send(session, ticket)) this.#backlog.push(ticket);
  }

  /**
   * Waits for the one answer under way without going to sleep, for at most `spinMaxMs`: waking this thread again costs more
   * than most scans of small files do. Only where a single scan is under way; where spinning did not help, it is left alone for
   * a while, so that a busy machine does not pay for it.
   */
  spin(): void {
    const session = this.#session;
    if (session === undefined || this.#options.spinMaxMs === 0) return;
    if (session.asked.size !== 1 || this.#backlog.length > 0 || session.blocked) return;
    if (this.#spinsToSkip > 0) {
      this.#spinsToSkip -= 1;
      return;
    }
    const giveUpAtMs = this.#options.nowMs() + this.#options.spinMaxMs;
    // A connection that broke meanwhile is closed: its number may be another file's by now.
    const isWaiting = (): boolean => this.#isCurrent(session) && session.asked.size > 0;
    try {
      do this.#receive(session);
      while (isWaiting() && this.#options.nowMs() < giveUpAtMs);
    } catch (error) {
      this.#break(messageOf(error));
      return;
    }
    if (isWaiting()) this.#spinsToSkip = SPINS_SKIPPED;
  }

  /** The link's clock: connects, keeps alive, gives up on a silent daemon. `nowMs` is monotonic. */
  tick(nowMs: number): void {
    const session = this.#session;
    if (session === undefined) {
      this.#dialler.tick(nowMs);
    } else {
      const overdue = sessions.findOverdue(session, nowMs, this.#options.silenceMaxMs);
      if (overdue !== undefined) this.#break(overdue);
      else if (!session.blocked) this.#askVersionIfDue(session, nowMs);
    }
    if (this.#backlog.length > 0 && nowMs - this.#sweptAtMs >= SWEEP_EVERY_MS) this.#sweep(nowMs);
  }

  /** Closes the connection for good; what is outstanding comes back as lost. */
  close(): void {
    this.#toldDown = true; // no news to whoever closes it
    this.#renewing = false;
    this.#break('closed');
    this.#dialler.close();
    this.#giveUpBacklog();
  }

  /** Makes room where nobody waits any more. */
  #sweep(nowMs: number): void {
    this.#sweptAtMs = nowMs;
    if (this.#session !== undefined) sessions.noteUnawaited(this.#session);
    const unawaited = this.#backlog.takeWhere((ticket) => !sessions.isAwaited(ticket));
    for (const ticket of unawaited) this.#observer.onLost(ticket);
    if (this.#session !== undefined) this.#sendBacklog(this.#session);
  }

  #open(fd: number, daemonPid: number): void {
    const session = sessions.openSession<Ticket>(this.#native, fd, {
      nowMs: this.#options.nowMs(),
      versionRefused: this.#versionRefused,
      onReady: (ready, writable) => {
        this.#onReady(ready, writable);
      },
    });
    this.#session = session;
    this.#toldDown = false;
    this.#renewing = false;
    this.#observer.onUp(daemonPid);
    if (this.#memory.connected(daemonPid, this.#lastEnd)) this.#observer.onDatabaseChanged();
    this.#lastEnd = 'broken';
    this.#sendBacklog(session);
  }

  #onReady(session: Session<Ticket>, writable: boolean): void {
    if (!this.#isCurrent(session)) return;
    try {
      if (writable && session.blocked) {
        if (this.#uploader?.isBusy === true) this.#pump(session, this.#uploader);
        else sessions.stopWaiting(session);
      }
      if (this.#isCurrent(session)) this.#receive(session);
      if (this.#isCurrent(session)) this.#sendBacklog(session);
    } catch (error) {
      this.#break(messageOf(error));
    }
  }

  #receive(session: Session<Ticket>): void {
    for (let turn = 0; turn < RECEIVES_PER_TURN; turn += 1) {
      const message = this.#native.sockets.receive(session.fd);
      if (message === undefined) return;
      for (const fd of message.fds) this.#native.files.close(fd); // nobody asked for any
      if (message.bytes.length === 0) {
        this.#break('the daemon closed the connection');
        return;
      }
      session.heardAtMs = this.#options.nowMs();
      for (const decoded of session.decoder.push(message.bytes)) {
        this.#onReply(session, decoded);
        if (!this.#isCurrent(session)) return;
      }
      // One short read means the socket is drained; asking again would cost a call for nothing.
      if (message.bytes.length < 4096) return;
    }
  }

  #onReply(session: Session<Ticket>, decoded: DecodedReply): void {
    if (decoded.kind !== 'reply') {
      this.#break('an overlong reply');
      return;
    }
    const { sessionId, reply } = decoded;
    if (sessionId === 0) {
      this.#observer.onDatabaseChanged();
      return;
    }
    const asked = sessionId === undefined ? undefined : session.asked.get(sessionId);
    if (sessionId === undefined || asked === undefined) {
      this.#break(`an unexpected reply: ${describeReply(reply)}`);
      return;
    }
    if (reply.kind === 'clean' && this.#uploader?.isBusy === true && sessionId === session.uploadId) {
      this.#break('a verdict before the end of its stream');
      return;
    }
    sessions.takeAsked(session, sessionId);
    if (asked.kind === 'scan') {
      if (this.#uploader !== undefined && isStreamTooLarge(reply)) {
        this.#uploader.lowerLimit(asked.sentBytes || this.#uploader.readBytes);
        this.#renew(session);
        this.#observer.onTooLarge(asked.ticket);
      } else this.#observer.onVerdict(asked.ticket, verdictOfReply(reply));
    } else if (asked.kind === 'version') this.#onVersion(session, reply);
    else if (asked.kind === 'ping') this.#dialler.answered();
    else if (isStreamTooLarge(reply)) this.#renew(session);
  }

  #onVersion(session: Session<Ticket>, reply: Reply): void {
    this.#dialler.answered();
    const text = describeReply(reply);
    if (text === 'COMMAND UNAVAILABLE') {
      this.#versionRefused = true;
      this.#renew(session); // the daemon ends the session after it (behaviour 1.5)
      return;
    }
    if (this.#memory.told(text)) this.#observer.onDatabaseChanged();
  }

  #sendBacklog(session: Session<Ticket>): void {
    while (this.#isCurrent(session) && !session.blocked && this.#hasRoom(session)) {
      const ticket = this.#backlog.take();
      if (ticket === undefined) return;
      if (!this.#send(session, ticket)) this.#backlog.putBack([ticket]);
    }
  }

  #hasRoom(session: Session<Ticket>): boolean {
    return sessions.hasRoom(session, this.#options.windowScans);
  }

  /** @returns false when the socket takes no more for now */
  #send(session: Session<Ticket>, ticket: Ticket): boolean {
    if (this.#uploader === undefined) return this.#sendDescriptor(session, ticket);
    this.#beginUpload(session, ticket, this.#uploader);
    return true;
  }

  #sendDescriptor(session: Session<Ticket>, ticket: Ticket): boolean {
    const fd = ticket.borrowFd();
    if (fd < 0) {
      this.#observer.onLost(ticket);
      return true;
    }
    let taken: number;
    try {
      taken = this.#native.sockets.sendWithFd(session.fd, FILDES, fd);
    } catch (error) {
      ticket.returnFd();
      // Too many descriptors under way is this ticket's misfortune; anything else is the connection's end.
      if (isErrno(error, 'ETOOMANYREFS')) this.#observer.onLost(ticket);
      else {
        this.#backlog.putBack([ticket]);
        this.#breakAfterHearing(session, messageOf(error));
      }
      return true;
    }
    ticket.returnFd();
    if (taken === WOULD_BLOCK) {
      sessions.waitForRoom(session);
      return false;
    }
    sessions.register(session, ticket, this.#options.nowMs());
    return true;
  }

  #beginUpload(session: Session<Ticket>, ticket: Ticket, uploader: Uploader<Ticket>): void {
    this.#askVersionIfDue(session, this.#options.nowMs());
    if (!this.#isCurrent(session)) {
      this.#observer.onLost(ticket);
      return;
    }
    const cut = uploader.begin(ticket);
    if (cut === undefined) {
      session.uploadId = sessions.register(session, ticket, Infinity);
      this.#pump(session, uploader);
    } else this.#tellCut(ticket, cut);
  }

  /** Sends on the stream under way. Until it is over, the session is blocked for everything else. */
  #pump(session: Session<Ticket>, uploader: Uploader<Ticket>): void {
    const hasWaited = session.blocked;
    session.blocked = true;
    let progress: 'over' | 'paused';
    try {
      progress = uploader.pump(session.fd, (cut) => {
        const asked = sessions.takeAsked(session, session.uploadId);
        if (asked?.kind !== 'scan') return;
        session.asked.set(session.uploadId, { kind: 'abandoned', askedAtMs: Infinity });
        this.#tellCut(asked.ticket, cut);
      });
    } catch (error) {
      this.#breakAfterHearing(session, messageOf(error));
      return;
    }
    session.heardAtMs = this.#options.nowMs(); // whoever takes bytes is there
    if (progress === 'over') {
      sessions.noteUploaded(session, session.heardAtMs, uploader.readBytes);
      if (hasWaited) sessions.stopWaiting(session);
      session.blocked = false;
    } else if (!hasWaited) sessions.waitForRoom(session);
  }

  #tellCut(ticket: Ticket, cut: Cut): void {
    if (cut.kind === 'tooLarge') this.#observer.onTooLarge(ticket);
    else if (cut.kind === 'unwanted') this.#observer.onLost(ticket);
    else this.#observer.onVerdict(ticket, { kind: 'failed', message: cut.message });
  }

  #askVersionIfDue(session: Session<Ticket>, nowMs: number): void {
    if (nowMs - session.askedVersionAtMs < this.#versionEveryMs) return;
    try {
      sessions.askVersion(this.#native.sockets, session, { nowMs, versionRefused: this.#versionRefused });
    } catch (error) {
      this.#break(messageOf(error));
    }
  }

  /** The daemon may have said why before it closed. */
  #breakAfterHearing(session: Session<Ticket>, reason: string): void {
    try {
      this.#receive(session);
    } catch {
      // The reason at hand is as good as this one.
    }
    if (this.#isCurrent(session)) this.#break(reason);
  }

  #break(reason: string): void {
    const session = this.#session;
    if (session === undefined) return;
    const outstanding = this.#endSession(session);
    this.#uploader?.restoreLimit();
    this.#dialler.lost();
    for (const ticket of outstanding) this.#observer.onLost(ticket);
    this.#giveUpBacklog();
    this.#tellDown(reason);
  }

  /** The daemon ends the session as it should, and nothing else is wrong: what is outstanding is asked again on the next one. */
  #renew(session: Session<Ticket>): void {
    if (!this.#isCurrent(session)) return;
    this.#renewing = true;
    this.#lastEnd = 'renewed';
    this.#backlog.putBack(this.#endSession(session));
    this.#dialler.redial(this.#options.nowMs());
  }

  /** @returns what was not answered, in the order it was asked */
  #endSession(session: Session<Ticket>): Ticket[] {
    this.#session = undefined;
    session.poll.close();
    this.#native.files.close(session.fd);
    this.#uploader?.reset();
    return sessions.outstandingOf(session);
  }

  #onDialFailed(reason: string, isRoundOver: boolean): void {
    this.#renewing = false;
    this.#memory.missed();
    this.#giveUpBacklog();
    if (isRoundOver) this.#tellDown(reason);
  }

  #giveUpBacklog(): void {
    for (const ticket of this.#backlog.takeAll()) this.#observer.onLost(ticket);
  }

  #tellDown(reason: string): void {
    if (this.#toldDown) return;
    this.#toldDown = true;
    this.#observer.onDown(reason);
  }

  #isCurrent(session: Session<Ticket>): boolean {
    return this.#session === session;
  }
}
