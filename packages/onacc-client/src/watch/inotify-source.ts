import { constants, WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';
import type { Change, ChangeListener, ChangeSource, FollowedChanges } from './change-source.js';
import { decodeInotifyEvents } from './decode-inotify-events.js';
import type { InotifyEvent } from './decode-inotify-events.js';
import { expectErrno } from './probe-directory.js';

const { IN_ONLYDIR, IN_DONT_FOLLOW, IN_CREATE, IN_DELETE, IN_MOVED_FROM, IN_MOVED_TO } = constants;
const { IN_DELETE_SELF, IN_MOVE_SELF, IN_ISDIR, IN_Q_OVERFLOW, IN_IGNORED, IN_UNMOUNT } = constants;

const SELF = IN_ONLYDIR | IN_DONT_FOLLOW | IN_DELETE_SELF | IN_MOVE_SELF;
const ENTRIES = SELF | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
/** inotify cannot leave out files: what is no directory is passed over when it is read. */
const MASKS: Readonly<Record<FollowedChanges, number>> = {
  entries: ENTRIES,
  entriesAndFiles: ENTRIES,
  arrivals: SELF | IN_CREATE | IN_MOVED_TO,
  self: SELF,
};
const READ_BUFFER_BYTES = 65_536;
const READS_PER_TURN_MAX = 32;

/**
 * For kernels and file systems without FID events. Owns an inotify instance (inotify(7)) and its poll handle. Watches are
 * a host-wide budget of the user (fs.inotify.max_user_watches): past it {@link follow} throws ENOSPC.
 */
export class InotifySource implements ChangeSource {
  readonly #native: NativeApi;
  readonly #listener: ChangeListener;
  readonly #instance: number;
  readonly #poll: PollHandle;
  readonly #buffer = Buffer.alloc(READ_BUFFER_BYTES);
  /** One to one. Descriptors are never used again (inotify(7)), so a late event cannot be taken for another's. */
  readonly #identityOf = new Map<number, string>();
  readonly #watchOf = new Map<string, number>();
  #state: 'open' | 'closed' = 'open';

  /** @throws NativeError EMFILE: fs.inotify.max_user_instances, or descriptors. */
  constructor(native: NativeApi, listener: ChangeListener) {
    this.#native = native;
    this.#listener = listener;
    this.#instance = native.inotify.create();
    this.#poll = native.poller.watch(this.#instance, { readable: true, writable: false }, () => {
      this.drain();
    });
  }

  follow(path: string, identity: string, changes: FollowedChanges): 'anew' | 'asBefore' {
    const watch = this.#native.inotify.addWatch(this.#instance, path, MASKS[changes]);
    if (this.#watchOf.get(identity) === watch) return 'asBefore';
    // Under this path there was another inode when it was followed; or the inode was taken for another one.
    this.unfollow(identity);
    const mistaken = this.#identityOf.get(watch);
    if (mistaken !== undefined) this.#watchOf.delete(mistaken);
    this.#identityOf.set(watch, identity);
    this.#watchOf.set(identity, watch);
    return 'anew';
  }

  unfollow(identity: string): void {
    const watch = this.#watchOf.get(identity);
    if (watch === undefined) return;
    this.#forget(watch);
    try {
      this.#native.inotify.removeWatch(this.#instance, watch);
    } catch (error) {
      // It went with its directory already.
      expectErrno(error);
    }
  }

  drain(): boolean {
    for (let reads = 0; reads < READS_PER_TURN_MAX; reads += 1) {
      if (this.#state === 'closed') return false;
      let got: number;
      try {
        got = this.#native.files.read(this.#instance, this.#buffer);
      } catch (error) {
        this.close();
        this.#listener.onFailure(error);
        return false;
      }
      if (got === WOULD_BLOCK || got === 0) return false;
      this.#listener.onChanges(this.#changesOf(this.#buffer.subarray(0, got)));
    }
    return true;
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#poll.close();
    this.#native.files.close(this.#instance);
  }

  #changesOf(bytes: Buffer): Change[] {
    const { events, truncatedAtBytes } = decodeInotifyEvents(bytes);
    const changes: Change[] = [];
    for (const event of events) {
      const change = this.#changeOf(event);
      if (change !== undefined) changes.push(change);
    }
    if (truncatedAtBytes !== undefined) changes.push({ kind: 'lost', code: 'malformed:truncated' });
    return changes;
  }

  #changeOf({ watch, mask, name }: InotifyEvent): Change | undefined {
    if ((mask & IN_Q_OVERFLOW) !== 0) return { kind: 'lost', code: 'overflow' };
    const directory = this.#identityOf.get(watch);
    // A watch that was removed, or one of an inode that is no longer what it was taken for.
    if (directory === undefined) return undefined;
    if ((mask & (IN_DELETE_SELF | IN_UNMOUNT | IN_IGNORED)) !== 0) {
      this.#forget(watch);
      return { kind: 'self', what: 'deleted', directory };
    }
    if ((mask & IN_MOVE_SELF) !== 0) return { kind: 'self', what: 'moved', directory };
    if ((mask & IN_ISDIR) === 0) {
      return (mask & IN_MOVED_TO) !== 0 ? { kind: 'fileMovedIn', directory, name } : undefined;
    }
    return { kind: 'entry', what: (mask & IN_DELETE) !== 0 ? 'deleted' : 'other', directory, name };
  }

  #forget(watch: number): void {
    const identity = this.#identityOf.get(watch);
    this.#identityOf.delete(watch);
    if (identity !== undefined && this.#watchOf.get(identity) === watch) this.#watchOf.delete(identity);
  }
}
