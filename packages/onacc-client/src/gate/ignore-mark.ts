import { constants } from '@portcullis/shared/native';
import type { FanotifyApi } from '@portcullis/shared/native';

const IGNORE_OPENS = constants.FAN_OPEN_PERM | constants.FAN_OPEN_EXEC_PERM;
const ADD = constants.FAN_MARK_ADD | constants.FAN_MARK_IGNORED_MASK | constants.FAN_MARK_EVICTABLE;
const REMOVE = constants.FAN_MARK_REMOVE | constants.FAN_MARK_IGNORED_MASK;

/** A file, open under `fd`, and a group that asks about it. */
export interface MarkedFile {
  readonly fd: number;
  readonly group: number;
}

/**
 * The kernel stops asking about this file until it is written to. A store through a shared mapping is no such write. The mark
 * goes when the inode leaves the kernel's memory (FAN_MARK_EVICTABLE). Borrows the fds.
 *
 * @throws NativeError EINVAL before Linux 5.19, ENOSPC
 */
export function addIgnoreMark(fanotify: FanotifyApi, { fd, group }: MarkedFile): void {
  fanotify.markFd(group, ADD, IGNORE_OPENS, fd);
}

/** The kernel asks about this file again. Does nothing where there is no mark, or no group any more. Borrows the fds. */
export function dropIgnoreMark(fanotify: FanotifyApi, { fd, group }: MarkedFile): void {
  try {
    fanotify.markFd(group, REMOVE, IGNORE_OPENS, fd);
  } catch {
    // A write has cleared it already, or it went with its group.
  }
}
