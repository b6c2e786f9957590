import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
} from 'node:fs';

/** open(2): a descriptor for the file itself, whatever its kind. */
const O_PATH = 0o10000000;

/**
 * Everybody may reach a socket in it, and only its owner replace one. clamd's own modes, LocalSocketMode or 0766
 * (behaviour 2.5), keep other accounts from searching the directory, or let them write to it.
 */
const DIRECTORY_MODE = 0o755;

/**
 * Makes the directory of LocalSocket, one level and no more. Main thread only, since it changes the umask for a moment.
 *
 * @throws the system's error, EEXIST among them.
 */
export function makeSocketDirectory(directory: string): void {
  withUmask(0o022, () => {
    mkdirSync(directory, DIRECTORY_MODE);
  });
}

/** Gives a directory, and nothing that a link leads to, to an account. As root only. @throws the system's error. */
export function giveDirectory(
  path: string,
  { uid, gid }: { readonly uid: number; readonly gid: number },
): void {
  const fd = openSync(path, constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchownSync(fd, uid, gid);
  } finally {
    closeSync(fd);
  }
}

/** Does something under another umask. Main thread only. */
export function withUmask<Result>(mask: number, act: () => Result): Result {
  const before = process.umask(mask);
  try {
    return act();
  } finally {
    process.umask(before);
  }
}

/** Owner, group and mode of a socket file; what is undefined stays as it is. */
export interface SocketAccess {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly mode?: number | undefined;
}

/**
 * Sets owner, group and mode of the socket at `path`, and of nothing else: the daemon may still be root, in a directory
 * where its own account could have put a link in the socket's place (`docs/decisions/0009`).
 *
 * @throws the system's error, and a plain one when there is no socket.
 */
export function setSocketAccess(path: string, { uid, gid, mode }: SocketAccess): void {
  const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    // With bigint, as in launched.ts of shared/launch.
    if (!fstatSync(fd, { bigint: true }).isSocket()) throw new Error('it is not a socket');
    // chown(2) and chmod(2) through this link reach the very file that was looked at.
    const itself = `/proc/self/fd/${fd}`;
    if (uid !== undefined || gid !== undefined) chownSync(itself, uid ?? -1, gid ?? -1);
    if (mode !== undefined) chmodSync(itself, mode);
  } finally {
    closeSync(fd);
  }
}
