import { constants } from '@portcullis/shared/native';
import type { FanotifyApi } from '@portcullis/shared/native';
import type { MarkTarget } from '../watch/mark-targets.js';
import { codeOf } from '../watch/probe-directory.js';

/** What one mark covers: everything reached through one mount, or everything on the filesystem, wherever it is mounted. */
export type MountStrategy = 'mount' | 'filesystem';

const { FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM } = constants;

/**
 * Masks that say nothing here: mounts and filesystems have no children (accepted and ignored by 6.18, fanotify_mark(2)),
 * and opens of directories are never asked for.
 */
const DIRECTORY_BITS = constants.FAN_EVENT_ON_CHILD | constants.FAN_ONDIR;
/** The filesystem, or this kernel, cannot have a filesystem mark; a mount mark it can (fanotify_mark(2), ERRORS). */
const NO_FILESYSTEM_MARK: ReadonlySet<string> = new Set([
  'EINVAL',
  'ENODEV',
  'EXDEV',
  'EOPNOTSUPP',
  'ENOTSUP',
]);

/** How a mark came out. `refusal`: why it is a mount's mark though the filesystem's was asked for. */
export type MountMark =
  | { readonly kind: 'marked'; readonly as: MountStrategy; readonly refusal?: string }
  | { readonly kind: 'refused'; readonly code: string };

/**
 * Marks the mount or the filesystem that a path lies on, in one group. Marks are idempotent.
 *
 * @param path - symbolic links are followed, since it is a descriptor's in /proc/self/fd
 */
export function markMountOf(
  fanotify: Pick<FanotifyApi, 'markPath'>,
  target: MarkTarget,
  strategy: MountStrategy,
  path: string,
): MountMark {
  const mask = target.mask & ~DIRECTORY_BITS;
  const mark = (kind: number): string | undefined => {
    try {
      fanotify.markPath(target.group, constants.FAN_MARK_ADD | kind, mask, path);
      return undefined;
    } catch (error) {
      return codeOf(error);
    }
  };
  let refusal: string | undefined;
  if (strategy === 'filesystem') {
    refusal = mark(FAN_MARK_FILESYSTEM);
    if (refusal === undefined) return { kind: 'marked', as: 'filesystem' };
    if (!NO_FILESYSTEM_MARK.has(refusal)) return { kind: 'refused', code: refusal };
  }
  const code = mark(FAN_MARK_MOUNT);
  if (code !== undefined) return { kind: 'refused', code };
  return refusal === undefined ? { kind: 'marked', as: 'mount' } : { kind: 'marked', as: 'mount', refusal };
}
