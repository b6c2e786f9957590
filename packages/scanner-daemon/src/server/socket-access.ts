import { chmodSync, chownSync, closeSync, constants, fstatSync, openSync } from 'node:fs';

/** open(2): a descriptor for the file itself, whatever its kind. */
const O_PATH = 0o10000000;

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
    // With bigint, as in process/launched.ts.
    if (!fstatSync(fd, { bigint: true }).isSocket()) throw new Error('it is not a socket');
    // chown(2) and chmod(2) through this link reach the very file that was looked at.
    const itself = `/proc/self/fd/${fd}`;
    if (uid !== undefined || gid !== undefined) chownSync(itself, uid ?? -1, gid ?? -1);
    if (mode !== undefined) chmodSync(itself, mode);
  } finally {
    closeSync(fd);
  }
}
