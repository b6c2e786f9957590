import { encodeCommand, FILDES_NOTICE_BYTE, ReplyDecoder, messageOf } from '@portcullis/shared';
import type { DecodedReply, Reply, ScanVerdict } from '@portcullis/shared';
import { isErrno, WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';

/** Something to be scanned, as its owner keeps it. */
export interface ScanTicket {
  /** The descriptor to pass on, held fast until it is returned; negative once nobody waits for the verdict any more. */
  borrowFd(): number;
  returnFd(): void;
}

/** Who is told what happens on the link. Every ticket that was submitted comes back exactly once. */
export interface LinkObserver<Ticket> {
  onVerdict(ticket: Ticket, verdict: ScanVerdict): void;
  /** The link broke, or could not take the ticket, before the verdict came. */
  onLost(ticket: Ticket): void;
  onUp(daemonPid: number): void;
  onDown(reason: string): void;
  /** The daemon scans with other signatures from now on. */
  onDatabaseChanged(): void;
}

export interface LinkOptions {
  /** LocalSocket. */
  readonly socketPath: string;
  /** Scans sent and not yet answered, at most; what comes beyond waits in the order it came. */
  readonly windowScans: number;
  /** With scans outstanding and not one byte from the daemon for so long, the connection is given up. */
  readonly silenceMaxMs: number;
  /** See {@link DaemonLink.spin}; 0 = never. */
  readonly spinMaxMs: number;
  /** Monotonic; the clock of {@link DaemonLink.tick}. */
  readonly nowMs: () => number;
}

/** Asking for the version this often also keeps a session alive that has nothing to do (ReadTimeout, behaviour 1.6). */
const VERSION_EVERY_MS = 5_000;
/** After a spin in vain, so many chances to spin are passed over. */
const SPINS_SKIPPED = 32;
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 2_000;
const RECEIVES_PER_TURN = 16;
/** Of clamd's replies the pid 1 means a socket made by systemd: not the daemon, and nothing to trust. */
const INIT_PID = 1;

const FILDES = Buffer.concat([encodeCommand('FILDES'), Buffer.of(FILDES_NOTICE_BYTE)]);
const SESSION_START = Buffer.concat([encodeCommand('IDSESSION'), encodeCommand('VERSION')]);
const VERSION = encodeCommand('VERSION');
const PING = encodeCommand('PING');

type Asked<Ticket> =
  { readonly kind: 'scan'; readonly ticket: Ticket } | { readonly kind: 'version' | 'ping' };

type LinkState<Ticket> =
  | { readonly kind: 'down'; retryAtMs: number; retryMs: number }
  | { readonly kind: 'up'; readonly session: Session<Ticket> };

interface Session<Ticket> {
  readonly fd: number;
  readonly poll: PollHandle;
  readonly decoder: ReplyDecoder;
  readonly asked: Map<number, Asked<Ticket>>;
  lastId: number;
  blocked: boolean;
  heardAtMs: number;
  askedVersionAtMs: number;
}

/**
 * One persistent IDSESSION to the daemon, on which descriptors are passed as they come and verdicts return in any order
 * (behaviour 1.6, 1.7). Works against clamd and against our daemon, which alone sends the notice `0: …` when its
 * signatures change. Never blocks; reconnects by itself, from {@link tick}.
 */
export class DaemonLink<Ticket extends ScanTicket> {
  readonly #native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>;
  readonly #options: LinkOptions;
  readonly #observer: LinkObserver<Ticket>;
  readonly #backlog: Ticket[] = [];
  #state: LinkState<Ticket> = { kind: 'down', retryAtMs: 0, retryMs: RETRY_FIRST_MS };
  #version: string | undefined;
  #versionRefused = false;
  #everUp = false;
  #toldDown = false;
  #spinsToSkip = 0;

  constructor(
    native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>,
    options: LinkOptions,
    observer: LinkObserver<Ticket>,
  ) {
    this.#native = native;
    this.#options = options;
    this.#observer = observer;
  }

  /** Sends the ticket's descriptor, or keeps it in line. While the link is down it comes back as lost at once. */
  submit(ticket: Ticket): void {
    if (this.#state.kind === 'down') {
      this.#observer.onLost(ticket);
      return;
    }
    const { session } = this.#state;
    if (session.blocked || this.#backlog.length > 0 || session.asked.size >= this.#options.windowScans) {
      this.#backlog.push(ticket);
    } else if (!this.#sendScan(session, ticket)) {
      this.#backlog.push(ticket);
    }
  }

  /**
   * Waits for the one answer under way without going to sleep, for at most `spinMaxMs`: waking this thread again costs more
   * than most scans of small files do. Only where a single scan is under way; where spinning did not help, it is left alone for
   * a while, so that a busy machine does not pay for it.
   */
  spin(): void {
    if (this.#state.kind === 'down' || this.#options.spinMaxMs === 0) return;
    const { session } = this.#state;
    if (session.asked.size !== 1 || this.#backlog.length > 0) return;
    if (this.#spinsToSkip > 0) {
      this.#spinsToSkip -= 1;
      return;
    }
    const giveUpAtMs = this.#options.nowMs() + this.#options.spinMaxMs;
    // A connection that broke meanwhile is closed: its number may be another file's by now.
    const isWaiting = (): boolean => this.#state.kind === 'up' && session.asked.size > 0;
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
    if (this.#state.kind === 'down') {
      if (nowMs >= this.#state.retryAtMs) this.#connect(nowMs, this.#state.retryMs);
      return;
    }
    const { session } = this.#state;
    if (session.asked.size === 0) session.heardAtMs = nowMs;
    if (nowMs - session.heardAtMs > this.#options.silenceMaxMs) {
      this.#break(`no answer for ${Math.round(nowMs - session.heardAtMs)} ms`);
    } else if (nowMs - session.askedVersionAtMs >= VERSION_EVERY_MS && !session.blocked) {
      session.askedVersionAtMs = nowMs;
      if (this.#versionRefused) this.#ask(session, PING, { kind: 'ping' });
      else this.#ask(session, VERSION, { kind: 'version' });
    }
  }

  /** Closes the connection for good; what is outstanding comes back as lost. */
  close(): void {
    this.#toldDown = true; // no news to whoever closes it
    this.#break('closed');
    this.#state = { kind: 'down', retryAtMs: Infinity, retryMs: RETRY_MAX_MS };
  }

  #connect(nowMs: number, retryMs: number): void {
    const { sockets, files, poller } = this.#native;
    let fd = -1;
    try {
      fd = sockets.createUnix();
      if (sockets.connectUnix(fd, this.#options.socketPath) !== 'connected')
        throw new Error('the backlog is full');
      const { pid } = sockets.peerCredentials(fd);
      if (sockets.send(fd, SESSION_START) !== SESSION_START.length)
        throw new Error('the session could not be opened');
      const session: Session<Ticket> = {
        fd,
        poll: poller.watch(fd, { readable: true, writable: false }, (ready) => {
          this.#onReady(session, ready.writable);
        }),
        decoder: new ReplyDecoder({ terminator: '\0' }),
        asked: new Map([[1, { kind: 'version' }]]),
        lastId: 1,
        blocked: false,
        heardAtMs: nowMs,
        askedVersionAtMs: nowMs,
      };
      this.#state = { kind: 'up', session };
      this.#toldDown = false;
      this.#observer.onUp(pid === INIT_PID ? 0 : pid);
      // Another process may have answered under the old name: whatever was cached belongs to the one before.
      if (this.#everUp) this.#observer.onDatabaseChanged();
      this.#everUp = true;
    } catch (error) {
      if (fd >= 0) files.close(fd);
      this.#state = {
        kind: 'down',
        retryAtMs: nowMs + retryMs,
        retryMs: Math.min(retryMs * 2, RETRY_MAX_MS),
      };
      this.#tellDown(messageOf(error));
    }
  }

  #onReady(session: Session<Ticket>, writable: boolean): void {
    if (this.#state.kind !== 'up' || this.#state.session !== session) return;
    try {
      if (writable && session.blocked) {
        session.blocked = false;
        session.poll.want({ readable: true, writable: false });
      }
      this.#receive(session);
      this.#sendBacklog(session);
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
        if (this.#state.kind !== 'up') return;
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
    if (decoded.sessionId === 0) {
      this.#observer.onDatabaseChanged();
      return;
    }
    const asked = decoded.sessionId === undefined ? undefined : session.asked.get(decoded.sessionId);
    if (decoded.sessionId === undefined || asked === undefined) {
      this.#break(`an unexpected reply: ${describe(decoded.reply)}`);
      return;
    }
    session.asked.delete(decoded.sessionId);
    if (asked.kind === 'scan') this.#observer.onVerdict(asked.ticket, verdictOf(decoded.reply));
    else if (asked.kind === 'version') this.#onVersion(decoded.reply);
  }

  #onVersion(reply: Reply): void {
    const text = describe(reply);
    if (text === 'COMMAND UNAVAILABLE') this.#versionRefused = true;
    else if (this.#version !== undefined && this.#version !== text) this.#observer.onDatabaseChanged();
    this.#version = text;
  }

  #sendBacklog(session: Session<Ticket>): void {
    let sent = 0;
    while (
      sent < this.#backlog.length &&
      !session.blocked &&
      session.asked.size < this.#options.windowScans
    ) {
      const ticket = this.#backlog[sent];
      if (ticket === undefined) break;
      if (!this.#sendScan(session, ticket)) break;
      if (this.#state.kind !== 'up') return; // it broke: the backlog has been given back
      sent += 1;
    }
    if (sent > 0) this.#backlog.splice(0, sent);
  }

  /** @returns false when the socket takes no more for now. */
  #sendScan(session: Session<Ticket>, ticket: Ticket): boolean {
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
      this.#observer.onLost(ticket);
      // Too many descriptors under way is this ticket's misfortune; anything else is the connection's end.
      if (!isErrno(error, 'ETOOMANYREFS')) this.#break(messageOf(error));
      return true;
    }
    ticket.returnFd();
    if (taken === WOULD_BLOCK) {
      session.blocked = true;
      session.poll.want({ readable: true, writable: true });
      return false;
    }
    session.lastId += 1;
    session.asked.set(session.lastId, { kind: 'scan', ticket });
    return true;
  }

  #ask(session: Session<Ticket>, command: Buffer, asked: Asked<Ticket>): void {
    try {
      if (this.#native.sockets.send(session.fd, command) !== command.length) return;
      session.lastId += 1;
      session.asked.set(session.lastId, asked);
    } catch (error) {
      this.#break(messageOf(error));
    }
  }

  #break(reason: string): void {
    if (this.#state.kind === 'down') return;
    const { session } = this.#state;
    this.#state = { kind: 'down', retryAtMs: 0, retryMs: RETRY_FIRST_MS };
    session.poll.close();
    this.#native.files.close(session.fd);
    for (const asked of session.asked.values())
      if (asked.kind === 'scan') this.#observer.onLost(asked.ticket);
    for (const ticket of this.#backlog.splice(0)) this.#observer.onLost(ticket);
    this.#tellDown(reason);
  }

  #tellDown(reason: string): void {
    if (this.#toldDown) return;
    this.#toldDown = true;
    this.#observer.onDown(reason);
  }
}

/** A reply to FILDES as a verdict. Whatever is neither OK nor FOUND says nothing about the file. */
function verdictOf(reply: Reply): ScanVerdict {
  switch (reply.kind) {
    case 'clean':
      return CLEAN;
    case 'infected':
      return { kind: 'infected', signatureNames: [reply.signatureName || 'unnamed'] };
    case 'error':
      return { kind: 'failed', message: reply.message };
    case 'word':
      return { kind: 'failed', message: reply.text };
  }
}

const CLEAN: ScanVerdict = { kind: 'clean' };

function describe(reply: Reply): string {
  switch (reply.kind) {
    case 'clean':
      return `${reply.name}: OK`;
    case 'infected':
      return `${reply.name}: ${reply.signatureName} FOUND`;
    case 'error':
      return reply.message;
    case 'word':
      return reply.text;
  }
}
