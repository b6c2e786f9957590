import { lstatSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { isErrno, OwnedFd, WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';
import { findGroupId } from '../process/account.js';
import { ListenError } from './listen-error.js';
import type { AcceptTransport, Listener } from './listener.js';
import type { ListenConfig } from './server-config.js';
import type { ServerLog } from './server-log.js';
import { makeSocketDirectory, setSocketAccess, withUmask } from './socket-access.js';
import type { TurnEnd } from './turn-end.js';
import { UnixTransport } from './unix-transport.js';
import { messageOf } from '@portcullis/shared';

type Native = Pick<NativeApi, 'files' | 'sockets' | 'poller'>;

/** accept4(2) calls before the connections get their turn. */
const ACCEPTS_PER_TURN = 64;
const DEFAULT_SOCKET_MODE = 0o666;
/** Out of descriptors: accepting is tried again so much later. */
const ACCEPT_RETRY_MS = 200;

const REFUSED_TO_UNLINK = ['EACCES', 'EPERM', 'EROFS'] as const;

/** What both kinds of listener need. */
export interface ListenerDeps {
  readonly native: Native;
  readonly turnEnd: TurnEnd;
  readonly sendBufTimeoutMs: number;
  readonly log: ServerLog;
}

/**
 * Binds and listens on LocalSocket: created for nobody, then given to its group, then opened to its mode (behaviour
 * 2.5). Main thread only, since it changes the umask for a moment.
 *
 * @throws ListenError SOCKET_IN_USE, SOCKET_EXISTS, SOCKET_FAILED, UNKNOWN_GROUP
 */
export function listenUnix(
  path: string,
  config: ListenConfig,
  deps: ListenerDeps,
  onTransport: AcceptTransport,
): Listener {
  const { native, log } = deps;
  makeParentDirectory(path);
  const socket = new OwnedFd(native.files, native.sockets.createUnix());
  try {
    bindFresh(socket, path, config, deps);
    setAccess(path, config);
    log.listener('info', `LOCAL: Unix socket file ${path}`);
    log.listener('info', `LOCAL: Setting connection queue length to ${config.backlogMax}`);
    native.sockets.listen(socket.borrow(), config.backlogMax);
  } catch (error) {
    socket.close();
    throw error;
  }
  return new UnixListener(path, socket, deps, onTransport);
}

/** Accepts on a listening AF_UNIX socket that systemd passed (taken). Its file is systemd's to remove. */
export function adoptUnix(fd: number, deps: ListenerDeps, onTransport: AcceptTransport): Listener {
  return new UnixListener(undefined, new OwnedFd(deps.native.files, fd), deps, onTransport);
}

class UnixListener implements Listener {
  /** Of the socket file that is ours to unlink. */
  readonly #path: string | undefined;
  readonly #inode: number | undefined;
  readonly #socket: OwnedFd;
  readonly #deps: ListenerDeps;
  readonly #onTransport: AcceptTransport;
  readonly #poll: PollHandle;
  #retryTimer: NodeJS.Timeout | undefined;
  #state: 'accepting' | 'paused' | 'closed' = 'accepting';

  constructor(path: string | undefined, socket: OwnedFd, deps: ListenerDeps, onTransport: AcceptTransport) {
    this.#path = path;
    this.#inode = path === undefined ? undefined : inodeOf(path);
    this.#socket = socket;
    this.#deps = deps;
    this.#onTransport = onTransport;
    const wanted = { readable: true, writable: false };
    this.#poll = deps.native.poller.watch(socket.borrow(), wanted, () => {
      this.#acceptAll();
    });
    // A process that ends in a hurry closes nothing: a socket file that stays would look like a daemon that is gone.
    if (path !== undefined) process.once('exit', this.#removeFile);
  }

  pause(): void {
    if (this.#state !== 'accepting') return;
    this.#state = 'paused';
    this.#poll.want({ readable: false, writable: false });
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'accepting';
    this.#poll.want({ readable: true, writable: false });
  }

  close(): Promise<void> {
    if (this.#state === 'closed') return Promise.resolve();
    this.#state = 'closed';
    clearTimeout(this.#retryTimer);
    this.#poll.close();
    process.off('exit', this.#removeFile);
    this.#removeFile();
    this.#socket.close();
    return Promise.resolve();
  }

  readonly #removeFile = (): void => {
    const path = this.#path;
    // Somebody else may have put a socket of their own there.
    if (path === undefined || this.#inode === undefined || inodeOf(path) !== this.#inode) return;
    try {
      unlinkSync(path);
    } catch (error) {
      const { log } = this.#deps;
      // In a directory of root that is how it ends whenever root has gone (docs/decisions/0009).
      if (REFUSED_TO_UNLINK.some((code) => isErrno(error, code))) {
        log.listener('info', `Socket file ${path} stays: its directory belongs to somebody else`);
      } else {
        log.fault(error, `Can't unlink the socket file ${path}`);
      }
    }
  };

  #acceptAll(): void {
    for (let accepts = 0; accepts < ACCEPTS_PER_TURN && this.#state === 'accepting'; accepts += 1) {
      if (!this.#acceptOne()) return;
    }
  }

  #acceptOne(): boolean {
    const { native, turnEnd, sendBufTimeoutMs, log } = this.#deps;
    let fd: number;
    try {
      fd = native.sockets.accept(this.#socket.borrow());
    } catch (error) {
      // A client that left again (ECONNABORTED) is nothing; out of descriptors or memory passes, with luck.
      if (isErrno(error, 'ECONNABORTED')) return true;
      log.fault(error, 'LOCAL: accept() failed');
      this.pause();
      this.#retryTimer = setTimeout(() => {
        this.resume();
      }, ACCEPT_RETRY_MS);
      return false;
    }
    if (fd === WOULD_BLOCK) return false;
    const socket = new OwnedFd(native.files, fd);
    this.#onTransport(new UnixTransport(native, socket, { turnEnd, stallMs: sendBufTimeoutMs }));
    return true;
  }
}

/** Only when the path has two or more slashes, as in clamd. */
function makeParentDirectory(path: string): void {
  const directory = dirname(path);
  if (directory === '/' || directory === '.') return;
  try {
    makeSocketDirectory(directory);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw socketFailed(path, error);
  }
}

function bindFresh(socket: OwnedFd, path: string, config: ListenConfig, deps: ListenerDeps): void {
  const { native, log } = deps;
  if (tryBind(native, socket, path) === 'bound') return;
  if (somebodyListens(native, path)) {
    throw new ListenError('SOCKET_IN_USE', `LOCAL: Socket file ${path} is in use by another process.`, {
      context: { path },
    });
  }
  if (!config.fixStaleSocket) {
    throw new ListenError(
      'SOCKET_EXISTS',
      `LOCAL: Socket file ${path} exists. Either remove it, or configure a different one.`,
      { context: { path } },
    );
  }
  log.listener('info', `LOCAL: Removing stale socket file ${path}`);
  try {
    if (!lstatSync(path).isSocket()) throw new Error('it is not a socket');
    unlinkSync(path);
  } catch (error) {
    throw socketFailed(path, error);
  }
  if (tryBind(native, socket, path) === 'taken') throw socketFailed(path, new Error('it came back'));
}

function tryBind(native: Native, socket: OwnedFd, path: string): 'bound' | 'taken' {
  return withUmask(0o777, () => {
    try {
      native.sockets.bindUnix(socket.borrow(), path);
      return 'bound';
    } catch (error) {
      if (isErrno(error, 'EADDRINUSE')) return 'taken';
      throw socketFailed(path, error);
    }
  });
}

function somebodyListens(native: Native, path: string): boolean {
  const probe = new OwnedFd(native.files, native.sockets.createUnix());
  try {
    native.sockets.connectUnix(probe.borrow(), path);
    return true;
  } catch {
    return false;
  } finally {
    probe.close();
  }
}

function setAccess(path: string, config: ListenConfig): void {
  const { localSocketGroup: group, localSocketMode: mode = DEFAULT_SOCKET_MODE } = config;
  const gid = group === undefined ? undefined : findGroupId(group);
  if (group !== undefined && gid === undefined) {
    throw new ListenError('UNKNOWN_GROUP', `Unknown group ${group}`, { context: { group } });
  }
  try {
    setSocketAccess(path, { gid, mode: mode & 0o666 });
  } catch (error) {
    throw socketFailed(path, error);
  }
}

function inodeOf(path: string): number | undefined {
  try {
    return lstatSync(path).ino;
  } catch {
    return undefined;
  }
}

function socketFailed(path: string, cause: unknown): ListenError {
  const reason = messageOf(cause);
  return new ListenError('SOCKET_FAILED', `LOCAL: Socket file ${path} could not be bound: ${reason}`, {
    cause,
    context: { path },
  });
}
