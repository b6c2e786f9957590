/** Something happened to a directory that is followed. Directories are named by their identity (probe-directory.ts). */
export type Change =
  /** A directory came to this name or left it. `deleted`: it left by rmdir(2) and will not turn up elsewhere. */
  | {
      readonly kind: 'entry';
      readonly what: 'deleted' | 'other';
      readonly directory: string;
      /** The raw bytes of the name. A copy: it outlives the read buffer. */
      readonly name: Buffer;
    }
  /** What is no directory was renamed to this name. Told where {@link FollowedChanges} asks for it. */
  | { readonly kind: 'fileMovedIn'; readonly directory: string; readonly name: Buffer }
  /** The directory itself was deleted, or renamed. */
  | { readonly kind: 'self'; readonly what: 'deleted' | 'moved'; readonly directory: string }
  /** Events were lost (`overflow`: the kernel's queue was full) or could not be read. */
  | { readonly kind: 'lost'; readonly code: string };

/**
 * What to be told of a directory: `entries` directories that come and go in it, and itself; `entriesAndFiles` files that
 * are moved in as well; `arrivals` only directories that come; `self` only itself.
 */
export type FollowedChanges = 'entries' | 'entriesAndFiles' | 'arrivals' | 'self';

/** Where a directory that is to be let go of can be had. */
export type DirectoryAccess =
  /** Open, borrowed. */
  { readonly fd: number } | { readonly path: string } | 'none';

/** Tells what happens to the directories of one device. One source a device: handles are unique only within one. */
export interface ChangeSource {
  /**
   * From now on changes of the directory are told.
   *
   * @returns `anew` when the inode at the path was not followed under this identity before, as far as the source knows
   * @throws NativeError
   */
  follow(path: string, identity: string, changes: FollowedChanges): 'anew' | 'asBefore';
  /** Changes of the directory are told no longer, where that can be done. Never throws. */
  unfollow(identity: string, access: DirectoryAccess): void;
  /** Reads what is waiting and hands it on before it returns. @returns whether something may be left. */
  drain(): boolean;
  /** Idempotent. */
  close(): void;
}

/** Where a source delivers. A failure is final: the source is closed. */
export interface ChangeListener {
  onChanges(changes: readonly Change[]): void;
  onFailure(error: unknown): void;
}
