import { lstatSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '@portcullis/shared';
import { isErrno, OwnedFd } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import { findGroupId } from '../process/account.js';
import { AcceptLoop } from './accept-loop.js';
import { ListenError } from './listen-error.js';
import type { AcceptTransport, Listener, ListenerDeps } from './listener.js';
import type { ListenConfig } from './server-config.js';
import type { ServerLog } from './server-log.js';
import { makeSocketDirectory, setSocketAccess, withUmask } from './socket-access.js';
import { StreamTransport } from './stream-transport.js';

type Native = Pick<NativeApi, 'files' | 'sockets'>;

const DEFAULT_SOCKET_MODE = 0o666;

const REFUSED_TO_UNLINK = ['EACCES', 'EPERM', 'EROFS'] as const;

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
  return accepting(socket, deps, onTransport, ownSocketFile(path, log));
}

/** Accepts on a listening AF_UNIX socket that systemd passed (taken). Its file is systemd's to remove. */
export function adoptUnix(fd: number, deps: ListenerDeps, onTransport: AcceptTransport): Listener {
  return accepting(new OwnedFd(deps.native.files, fd), deps, onTransport, () => undefined);
}

function accepting(
  socket: OwnedFd,
  deps: ListenerDeps,
  onTransport: AcceptTransport,
  onClose: () => void,
): Listener {
  const { native, turnEnd, sendBufTimeoutMs } = deps;
  const options = { peerName: 'local', losesUnread: false, turnEnd, stallMs: sendBufTimeoutMs };
  return new AcceptLoop(socket, deps, {
    label: 'LOCAL',
    welcome: (connection) => {
      onTransport(new StreamTransport(native, connection, options));
    },
    onClose,
  });
}

/** @returns what removes the socket file. It happens by itself when the process ends before. */
function ownSocketFile(path: string, log: ServerLog): () => void {
  const inode = inodeOf(path);
  const remove = (): void => {
    process.off('exit', remove);
    // Somebody else may have put a socket of their own there.
    if (inode !== undefined && inodeOf(path) === inode) unlinkSocketFile(path, log);
  };
  // A process that ends in a hurry closes nothing: a socket file that stays would look like a daemon that is gone.
  process.once('exit', remove);
  return remove;
}

function unlinkSocketFile(path: string, log: ServerLog): void {
  try {
    unlinkSync(path);
  } catch (error) {
    // In a directory of root that is how it ends whenever root has gone (docs/decisions/0009).
    if (REFUSED_TO_UNLINK.some((code) => isErrno(error, code))) {
      log.listener('info', `Socket file ${path} stays: its directory belongs to somebody else`);
    } else {
      log.fault(error, `Can't unlink the socket file ${path}`);
    }
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
