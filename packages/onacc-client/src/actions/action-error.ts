import { AppError, messageOf } from '@portcullis/shared';

/** What can keep an action from being done, beside errno. */
export type ActionErrorCode =
  /** The file has no name any more. */
  | 'GONE'
  /** The name that it was opened by is gone; it has others. */
  | 'NAME_GONE'
  /** Its path leads to another file, time and again. */
  | 'KEEPS_MOVING'
  /** Its path cannot be reached from here. */
  | 'UNREACHABLE'
  | 'NOT_REGULAR'
  | 'CHANGED'
  | 'COPY_DIFFERS'
  | 'TIME_LIMIT'
  | 'NAMES_EXHAUSTED'
  | 'QUARANTINE_UNAVAILABLE'
  | 'CRASHED'
  | 'BAD_COMMAND';

/** An action, or a command about the quarantine, could not be done. */
export class ActionError extends AppError<ActionErrorCode> {}

const ERRNO_REASONS: ReadonlyMap<string, string> = new Map([
  ['EROFS', 'its filesystem is read-only'],
  ['EPERM', 'the kernel refused: an immutable or append-only file or directory (lsattr), or no privilege'],
  ['EACCES', 'no permission: a security module, or no privilege'],
  ['ENOSPC', 'no space left'],
  ['EDQUOT', 'no space left: disk quota'],
  ['EBUSY', 'it is a mount point or in use'],
  ['EIO', 'the disk failed'],
  ['ENAMETOOLONG', 'its path is longer than the system can name'],
  ['ESTALE', 'its filesystem has lost it'],
]);

/** errno's name or our own code; `UNKNOWN` for what has none. */
export function codeOf(error: unknown): string {
  const hasCode = typeof error === 'object' && error !== null && 'code' in error;
  return hasCode && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}

/** The reason in words. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const known = ERRNO_REASONS.get(code);
  if (known !== undefined) return `${known} (${code})`;
  return messageOf(error);
}
