import { encodeCommand, ReplyDecoder } from '@portcullis/shared';
import { WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';
import type { ScanTicket } from './link-contract.js';

/** What a number of the session stands for until it is answered. */
export type Asked<Ticket> =
  | {
      readonly kind: 'scan';
      readonly ticket: Ticket;
      /** Monotonic; `Infinity` while its stream is being sent. */
      askedAtMs: number;
      /** Of its stream, once that is sent; 0 until then. */
      sentBytes: number;
      isAwaited: boolean;
    }
  /** `abandoned`: its stream was cut short and its ticket given back, so the verdict is about something else. */
  | { readonly kind: 'version' | 'ping' | 'abandoned'; askedAtMs: number };

/** One IDSESSION (behaviour 1.6), as the client's end keeps it. */
export interface Session<Ticket> {
  readonly fd: number;
  readonly poll: PollHandle;
  readonly decoder: ReplyDecoder;
  readonly asked: Map<number, Asked<Ticket>>;
  /** Scans among them for whose verdict nobody waits any more, as far as is known. */
  unawaited: number;
  lastId: number;
  /** Of the stream under way, or the last one. */
  uploadId: number;
  /** The socket takes no more, or a stream is under way: nothing new is sent before it is writable. */
  blocked: boolean;
  heardAtMs: number;
  askedVersionAtMs: number;
}

export interface SessionOptions {
  readonly nowMs: number;
  /** The daemon does not tell its version (EnableVersionCommand), and ends a session that asks. */
  readonly versionRefused: boolean;
}

/** Asking for the version this often also keeps a session alive that has nothing to do (ReadTimeout, behaviour 1.6). */
const VERSION_EVERY_MS = 5_000;
/** However short the daemon's CommandReadTimeout is. */
const VERSION_EVERY_MIN_MS = 100;
/** Longer than the daemon may take for one file (MaxScanTime, 120 s by default). */
const ANSWER_MAX_MS = 150_000;
const IDSESSION = encodeCommand('IDSESSION');
const VERSION = encodeCommand('VERSION');
const PING = encodeCommand('PING');
const READABLE = { readable: true, writable: false };
const READABLE_AND_WRITABLE = { readable: true, writable: true };

/** Starts a session on a connection, with the question for the version. Takes the fd. @throws NativeError, Error: the fd stays the caller's then */
export function openSession<Ticket>(
  native: Pick<NativeApi, 'sockets' | 'poller'>,
  fd: number,
  options: SessionOptions & { readonly onReady: (session: Session<Ticket>, writable: boolean) => void },
): Session<Ticket> {
  const { nowMs, versionRefused, onReady } = options;
  const start = Buffer.concat([IDSESSION, versionRefused ? PING : VERSION]);
  if (native.sockets.send(fd, start) !== start.length) throw new Error('the session could not be opened');
  const session: Session<Ticket> = {
    fd,
    poll: native.poller.watch(fd, READABLE, (ready) => {
      onReady(session, ready.writable);
    }),
    decoder: new ReplyDecoder({ terminator: '\0' }),
    asked: new Map([[1, { kind: versionRefused ? 'ping' : 'version', askedAtMs: nowMs }]]),
    unawaited: 0,
    lastId: 1,
    uploadId: 0,
    blocked: false,
    heardAtMs: nowMs,
    askedVersionAtMs: nowMs,
  };
  return session;
}

/** Asks for the version, or at least for a sign of life. @throws NativeError, Error when the connection is no longer good */
export function askVersion(
  sockets: Pick<NativeApi['sockets'], 'send'>,
  session: Session<unknown>,
  { nowMs, versionRefused }: SessionOptions,
): void {
  session.askedVersionAtMs = nowMs;
  const command = versionRefused ? PING : VERSION;
  const taken = sockets.send(session.fd, command);
  if (taken === WOULD_BLOCK) return;
  if (taken !== command.length) throw new Error('a command was cut in two');
  session.lastId += 1;
  session.asked.set(session.lastId, { kind: versionRefused ? 'ping' : 'version', askedAtMs: nowMs });
}

/** How often to ask for the version, so that the daemon does not end the session. @param commandReadTimeoutMs - 0 for never */
export function versionEveryMs(commandReadTimeoutMs = 0): number {
  if (commandReadTimeoutMs === 0) return VERSION_EVERY_MS;
  return Math.max(Math.min(VERSION_EVERY_MS, commandReadTimeoutMs / 2), VERSION_EVERY_MIN_MS);
}

/**
 * Why the session is given up: the daemon says nothing, or it leaves one question open, as one does that hangs on scans and goes
 * on telling its version.
 */
export function findOverdue(
  session: Session<unknown>,
  nowMs: number,
  silenceMaxMs: number,
): string | undefined {
  if (session.asked.size === 0) session.heardAtMs = nowMs;
  const silentMs = nowMs - session.heardAtMs;
  if (silentMs > silenceMaxMs) return `no answer for ${Math.round(silentMs)} ms`;
  const openMs = nowMs - oldestAskedAtMs(session);
  if (openMs <= Math.max(silenceMaxMs, ANSWER_MAX_MS)) return undefined;
  return `one question not answered for ${Math.round(openMs)} ms`;
}

/** Nothing more is sent until the socket is writable. */
export function waitForRoom(session: Session<unknown>): void {
  session.blocked = true;
  session.poll.want(READABLE_AND_WRITABLE);
}

export function stopWaiting(session: Session<unknown>): void {
  session.blocked = false;
  session.poll.want(READABLE);
}

/** The next number, for what has just been sent. @param askedAtMs - `Infinity` where its stream is yet to be sent */
export function register<Ticket>(session: Session<Ticket>, ticket: Ticket, askedAtMs: number): number {
  session.lastId += 1;
  session.asked.set(session.lastId, { kind: 'scan', ticket, askedAtMs, sentBytes: 0, isAwaited: true });
  return session.lastId;
}

/** The stream under way is sent: only now is the daemon's answer waited for. */
export function noteUploaded(session: Session<unknown>, nowMs: number, sentBytes: number): void {
  const asked = session.asked.get(session.uploadId);
  if (asked === undefined) return;
  asked.askedAtMs = nowMs;
  if (asked.kind === 'scan') asked.sentBytes = sentBytes;
}

/** Takes what this number stands for, which is answered. */
export function takeAsked<Ticket>(session: Session<Ticket>, sessionId: number): Asked<Ticket> | undefined {
  const asked = session.asked.get(sessionId);
  session.asked.delete(sessionId);
  if (asked?.kind === 'scan' && !asked.isAwaited) session.unawaited -= 1;
  return asked;
}

/** When the question was asked that waits longest for its answer; `Infinity` for none. */
function oldestAskedAtMs(session: Session<unknown>): number {
  // Nothing is asked before a stream is sent, so they stand in the order of their times.
  for (const { askedAtMs } of session.asked.values()) if (askedAtMs !== Infinity) return askedAtMs;
  return Infinity;
}

/**
 * Whether the daemon may be asked for another verdict. Scans that nobody awaits any more leave their places to others, so that
 * files on which the daemon hangs do not stop everything; at most as many as there are places, for it still works on them.
 */
export function hasRoom({ asked, unawaited }: Session<unknown>, windowScans: number): boolean {
  return asked.size - Math.min(unawaited, windowScans) < windowScans;
}

/** Looks which scans are still awaited. */
export function noteUnawaited<Ticket extends ScanTicket>(session: Session<Ticket>): void {
  for (const asked of session.asked.values()) {
    if (asked.kind !== 'scan' || !asked.isAwaited || isAwaited(asked.ticket)) continue;
    asked.isAwaited = false;
    session.unawaited += 1;
  }
}

export function isAwaited(ticket: ScanTicket): boolean {
  if (ticket.borrowFd() < 0) return false;
  ticket.returnFd();
  return true;
}

/** What was not answered, in the order in which it was asked. */
export function outstandingOf<Ticket>(session: Session<Ticket>): Ticket[] {
  return [...session.asked.values()].flatMap((asked) => (asked.kind === 'scan' ? [asked.ticket] : []));
}
