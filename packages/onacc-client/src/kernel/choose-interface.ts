import { messageOf } from '@portcullis/shared';
import { constants, isErrno } from '@portcullis/shared/native';
import type { FanotifyApi, FileApi } from '@portcullis/shared/native';
import { InterfaceError, openInterface } from './permission-group.js';
import type { KernelInterface } from './permission-group.js';

/** Which of the kernel's interfaces is to be used (ONACC_INTERFACE), and for what. */
export interface InterfaceChoice {
  readonly wanted: 'auto' | 'fanotify' | 'inotify';
  /** OnAccessPrevention. */
  readonly prevention: boolean;
}

export type ChosenInterface =
  /** The group is the caller's. */
  | { readonly kind: 'fanotify'; readonly kernel: KernelInterface; readonly group: number }
  | { readonly kind: 'inotify'; readonly reason: string };

/**
 * The ladder: fanotify with permission events, fanotify that only tells, inotify. `auto` goes down as far as the kernel makes it;
 * `fanotify` not below the second rung. Where the kernel has fanotify but will not let us have it (EPERM, EMFILE) `auto` does not
 * step down by itself: what is missing can be given, and nobody asked for less.
 *
 * @throws InterfaceError when what is wanted cannot be had
 */
export function chooseInterface(
  fanotify: FanotifyApi,
  files: Pick<FileApi, 'close'>,
  { wanted, prevention }: InterfaceChoice,
): ChosenInterface {
  if (wanted === 'inotify') return { kind: 'inotify', reason: 'ONACC_INTERFACE=inotify' };
  try {
    return { kind: 'fanotify', ...openUsable(fanotify, files, prevention) };
  } catch (error) {
    if (wanted === 'fanotify' || !isMissing(error)) throw error;
    return { kind: 'inotify', reason: messageOf(error) };
  }
}

/** A group of class CONTENT can be had without CONFIG_FANOTIFY_ACCESS_PERMISSIONS; only marking tells. */
function openUsable(
  fanotify: FanotifyApi,
  files: Pick<FileApi, 'close'>,
  prevention: boolean,
): { kernel: KernelInterface; group: number } {
  const opened = openInterface(fanotify, prevention);
  if (opened.kernel.mode === 'notify-only' || hasPermissionEvents(fanotify, opened.group)) return opened;
  files.close(opened.group);
  const { kernel, group } = openInterface(fanotify, false);
  return { kernel: { ...kernel, degraded: NO_PERMISSION_EVENTS }, group };
}

const NO_PERMISSION_EVENTS = 'this kernel has no permission events (CONFIG_FANOTIFY_ACCESS_PERMISSIONS)';

/**
 * Asks for the removal of a mark that was never set: the mask is looked at first, so that EINVAL says that the kernel does
 * not know it and ENOENT that it does (fanotify_mark(2), measured on 6.18). Nothing is marked at any time.
 */
function hasPermissionEvents(fanotify: FanotifyApi, group: number): boolean {
  try {
    fanotify.markPath(group, constants.FAN_MARK_REMOVE, constants.FAN_OPEN_PERM, '/');
    return true;
  } catch (error) {
    return !isErrno(error, 'EINVAL');
  }
}

/** No rung exists (EINVAL for each of them, so no cause), or the system call itself does not. */
function isMissing(error: unknown): boolean {
  return error instanceof InterfaceError && (error.cause === undefined || isErrno(error.cause, 'ENOSYS'));
}
