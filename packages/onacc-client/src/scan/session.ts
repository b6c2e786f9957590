import { encodeCommand, ReplyDecoder } from '@portcullis/shared';
import { WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';

/** What a number of the session stands for until it is answered. */
export type Asked<Ticket> =
  /** `abandoned`: its stream was cut short and its ticket given back, so the verdict is about something else. */
  { readonly kind: 'scan'; readonly ticket: Ticket } | { readonly kind: 'version' | 'ping' | 'abandoned' };

/** One IDSESSION (behaviour 1.6), as the client's end keeps it. */
export interface Session<Ticket> {
  readonly fd: number;
  readonly poll: PollHandle;
  readonly decoder: ReplyDecoder;
  readonly asked: Map<number, Asked<Ticket>>;
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
    asked: new Map([[1, { kind: versionRefused ? 'ping' : 'version' }]]),
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
  session.asked.set(session.lastId, { kind: versionRefused ? 'ping' : 'version' });
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

/** The next number, for what has just been sent. */
export function register<Ticket>(session: Session<Ticket>, ticket: Ticket): number {
  session.lastId += 1;
  session.asked.set(session.lastId, { kind: 'scan', ticket });
  return session.lastId;
}

/** What was not answered, in the order in which it was asked. */
export function outstandingOf<Ticket>(session: Session<Ticket>): Ticket[] {
  return [...session.asked.values()].flatMap((asked) => (asked.kind === 'scan' ? [asked.ticket] : []));
}
