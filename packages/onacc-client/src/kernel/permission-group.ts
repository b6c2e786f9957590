import { AppError, messageOf } from '@portcullis/shared';
import { constants, isErrno } from '@portcullis/shared/native';
import type { FanotifyApi } from '@portcullis/shared/native';

/** Which kernel interface was got, for people and for `status`. */
export interface KernelInterface {
  /** `prevention`: opens wait for the answer. `notify-only`: they do not. */
  readonly mode: 'prevention' | 'notify-only';
  /** In words, for instance `fanotify permission events, FD_ERROR`. */
  readonly description: string;
  /** Why it is less than was asked for. */
  readonly degraded?: string;
  /** For further groups of the same kind. */
  readonly groupFlags: number;
  /** What the descriptors of its events are opened with (open(2)). */
  readonly eventFlags: number;
  /** What the directories are marked with. */
  readonly markMask: number;
}

/** fanotify cannot be had: code `FANOTIFY_UNAVAILABLE`. */
export class InterfaceError extends AppError<'FANOTIFY_UNAVAILABLE'> {}

/** open(2). */
export const O_NONBLOCK = 0o4000;
const EVENT_FLAGS = constants.O_RDONLY | constants.O_LARGEFILE | constants.O_CLOEXEC | constants.O_NOATIME;
const COMMON = constants.FAN_CLOEXEC | constants.FAN_NONBLOCK | constants.FAN_UNLIMITED_MARKS;
// CLOSE_WRITE comes through the same queue as the opens, so that a verdict is dropped before the next open is judged.
const PREVENTION_MASK = constants.FAN_OPEN_PERM | constants.FAN_CLOSE_WRITE | constants.FAN_EVENT_ON_CHILD;
const NOTIFY_MASK = constants.FAN_OPEN | constants.FAN_CLOSE_WRITE | constants.FAN_EVENT_ON_CHILD;

/**
 * The rungs, best first. With an unlimited queue no permission event is let through because the queue is full; a group that
 * only tells has the kernel's bound on its queue instead, and says when events were lost. FAN_REPORT_PIDFD is not asked
 * for: an opener that waits pins its pid, and a pidfd would double the descriptors (docs/decisions/0004).
 */
const PREVENTION_RUNGS = [
  { flags: constants.FAN_REPORT_FD_ERROR, name: 'fanotify permission events, FD_ERROR' },
  { flags: 0, name: 'fanotify permission events' },
] as const;
const NOTIFY_RUNGS = [
  { flags: constants.FAN_REPORT_FD_ERROR, name: 'fanotify notification events, FD_ERROR' },
  { flags: 0, name: 'fanotify notification events' },
] as const;

/**
 * Climbs down until the kernel says yes.
 *
 * @returns the interface and its first group, which is the caller's
 * @throws InterfaceError when not even notification is to be had
 */
export function openInterface(
  fanotify: FanotifyApi,
  wantPrevention: boolean,
): { kernel: KernelInterface; group: number } {
  if (wantPrevention) {
    for (const rung of PREVENTION_RUNGS) {
      const groupFlags = COMMON | constants.FAN_CLASS_CONTENT | constants.FAN_UNLIMITED_QUEUE | rung.flags;
      const group = tryGroup(fanotify, groupFlags);
      if (group === undefined) continue;
      return {
        group,
        kernel: {
          mode: 'prevention',
          description: rung.name,
          groupFlags,
          eventFlags: EVENT_FLAGS,
          markMask: PREVENTION_MASK,
        },
      };
    }
  }
  for (const rung of NOTIFY_RUNGS) {
    const groupFlags = COMMON | constants.FAN_CLASS_NOTIF | rung.flags;
    const group = tryGroup(fanotify, groupFlags);
    if (group === undefined) continue;
    const kernel: KernelInterface = {
      mode: 'notify-only',
      description: rung.name,
      groupFlags,
      eventFlags: EVENT_FLAGS,
      markMask: NOTIFY_MASK,
    };
    return wantPrevention
      ? { group, kernel: { ...kernel, degraded: NO_PERMISSION_EVENTS } }
      : { group, kernel };
  }
  throw new InterfaceError('FANOTIFY_UNAVAILABLE', 'this kernel offers no fanotify at all (CONFIG_FANOTIFY)');
}

/**
 * One more group of the same kind, for a swap. The caller's.
 *
 * @param options.nonBlocking - the kernel refuses the opener of a file whose descriptor it cannot make at once, where a
 * lease is in the way for instance, instead of blocking the reader (field notes 3.5.3)
 */
export function openSameGroup(
  fanotify: FanotifyApi,
  kernel: KernelInterface,
  options: { readonly nonBlocking: boolean } = { nonBlocking: false },
): number {
  const { groupFlags, eventFlags } = kernel;
  return fanotify.createGroup(groupFlags, eventFlags | (options.nonBlocking ? O_NONBLOCK : 0));
}

const NO_PERMISSION_EVENTS = 'this kernel has no permission events (CONFIG_FANOTIFY_ACCESS_PERMISSIONS)';

/** @returns undefined where the kernel does not know these flags. @throws InterfaceError where it will not have us. */
function tryGroup(fanotify: FanotifyApi, flags: number): number | undefined {
  try {
    return fanotify.createGroup(flags, EVENT_FLAGS);
  } catch (error) {
    if (isErrno(error, 'EINVAL')) return undefined;
    const advice = isErrno(error, 'EPERM')
      ? ': it takes root or CAP_SYS_ADMIN in the initial user namespace'
      : '';
    const message = messageOf(error);
    throw new InterfaceError('FANOTIFY_UNAVAILABLE', `${message}${advice}`, { cause: error });
  }
}
