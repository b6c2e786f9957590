import type { FailureCause, SkipReason } from './decide.js';

// inode(7)
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

/** What is known of the opened object before anybody reads it. */
export interface ObjectFacts {
  /** inode(7) type and permission bits. */
  readonly mode: number;
  readonly sizeBytes: number;
}

export type Screening =
  | { readonly kind: 'scan' }
  | { readonly kind: 'skip'; readonly reason: SkipReason }
  | { readonly kind: 'fail'; readonly cause: FailureCause };

const SCAN: Screening = { kind: 'scan' };
const NOT_REGULAR: Screening = { kind: 'skip', reason: 'notRegular' };
const EMPTY: Screening = { kind: 'skip', reason: 'empty' };
const TOO_LARGE: Screening = { kind: 'fail', cause: 'tooLarge' };

/** Whether an object needs a scan. `maxFileBytes` is OnAccessMaxFileSize, `Infinity` for no limit. */
export function screenObject(facts: ObjectFacts, maxFileBytes: number): Screening {
  if ((facts.mode & S_IFMT) !== S_IFREG) return NOT_REGULAR;
  if (facts.sizeBytes === 0) return EMPTY;
  return facts.sizeBytes > maxFileBytes ? TOO_LARGE : SCAN;
}

/** Whose opens are let through unscanned: OnAccessExcludeUID, OnAccessExcludeUname (exact names) and OnAccessExcludeRootUID. */
export interface UserExclusion {
  readonly uids: readonly number[];
}

/**
 * Merges the three options into one list of uids. A 0 among OnAccessExcludeUID switches that option off, as
 * clamd.conf(5) has it, wherever it stands: root is excluded by OnAccessExcludeRootUID alone.
 */
export function userExclusion(options: {
  excludeUids: readonly number[];
  unameUids: readonly number[];
  excludeRoot: boolean;
}): UserExclusion {
  const uids = new Set([
    ...(options.excludeUids.includes(0) ? [] : options.excludeUids),
    ...options.unameUids,
  ]);
  if (options.excludeRoot) uids.add(0);
  return { uids: [...uids].sort((a, b) => a - b) };
}
