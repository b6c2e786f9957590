import { constants, WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';
import type {
  Change,
  ChangeListener,
  ChangeSource,
  DirectoryAccess,
  FollowedChanges,
} from './change-source.js';
import { decodeFidEvents } from './decode-fid-events.js';
import type { FidEvent } from './decode-fid-events.js';
import { codeOf, expectErrno, identityOf } from './probe-directory.js';

const { FAN_CLASS_NOTIF, FAN_REPORT_DFID_NAME, FAN_CLOEXEC, FAN_NONBLOCK, FAN_UNLIMITED_MARKS } = constants;
const { FAN_CREATE, FAN_DELETE, FAN_MOVED_FROM, FAN_MOVED_TO, FAN_DELETE_SELF, FAN_MOVE_SELF } = constants;
const { FAN_ONDIR, FAN_MARK_ADD, FAN_MARK_REMOVE, FAN_MARK_ONLYDIR, FAN_MARK_DONT_FOLLOW } = constants;
// linux/fanotify.h. An ignore mask without FAN_ONDIR spares us the events of what is no directory (kernel 6.0).
const FAN_MARK_IGNORE_SURV = 0x400 | 0x40;

// The queue stays at the kernel's bound (fs.fanotify.max_queued_events): an overflow costs a walk, not memory.
const GROUP_FLAGS = FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS;
const SELF = FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ONDIR;
const COMING = FAN_CREATE | FAN_MOVED_TO;
const GOING = FAN_DELETE | FAN_MOVED_FROM;
const AT_PATH = FAN_MARK_ONLYDIR | FAN_MARK_DONT_FOLLOW;
const READ_BUFFER_BYTES = 65_536;
/** After so many reads the event loop gets a turn; poll is level-triggered and calls again. */
const READS_PER_TURN_MAX = 32;

/** The events to be told of directories, and those to be left out for everything else. */
const MASKS: Readonly<Record<FollowedChanges, { readonly told: number; readonly ignored: number }>> = {
  entries: { told: SELF | COMING | GOING, ignored: COMING | GOING },
  entriesAndFiles: { told: SELF | COMING | GOING, ignored: FAN_CREATE | GOING },
  arrivals: { told: SELF | COMING, ignored: COMING },
  self: { told: SELF, ignored: 0 },
};

/** Owns a fanotify group of class NOTIF with FAN_REPORT_DFID_NAME (fanotify_init(2)) and its poll handle. */
export class FidGroup implements ChangeSource {
  readonly #native: NativeApi;
  readonly #device: string;
  readonly #listener: ChangeListener;
  readonly #group: number;
  readonly #poll: PollHandle;
  readonly #buffer = Buffer.alloc(READ_BUFFER_BYTES);
  #state: 'open' | 'closed' = 'open';
  /** Whether the kernel has FAN_MARK_IGNORE. Without it files that come and go cost events, which are passed over. */
  #canIgnore = true;

  /** @throws NativeError when there can be no such group: EINVAL (kernel before 5.9), EPERM, EMFILE. */
  constructor(native: NativeApi, device: string, listener: ChangeListener) {
    this.#native = native;
    this.#device = device;
    this.#listener = listener;
    this.#group = native.fanotify.createGroup(GROUP_FLAGS, 0);
    this.#poll = native.poller.watch(this.#group, { readable: true, writable: false }, () => {
      this.drain();
    });
  }

  follow(path: string, _identity: string, changes: FollowedChanges): 'asBefore' {
    const { told, ignored } = MASKS[changes];
    const { fanotify } = this.#native;
    fanotify.markPath(this.#group, FAN_MARK_ADD | AT_PATH, told, path);
    if (ignored === 0 || !this.#canIgnore) return 'asBefore';
    try {
      fanotify.markPath(this.#group, FAN_MARK_ADD | FAN_MARK_IGNORE_SURV | AT_PATH, ignored, path);
    } catch (error) {
      // Anything else concerns this path alone, which has just been renamed or deleted.
      if (codeOf(error) === 'EINVAL') this.#canIgnore = false;
    }
    return 'asBefore';
  }

  unfollow(_identity: string, access: DirectoryAccess): void {
    if (access === 'none') return;
    const { told, ignored } = MASKS.entries;
    this.#removeMask(0, told, access);
    // A mark that still ignores something would stay, and keep its inode in memory.
    if (this.#canIgnore) this.#removeMask(FAN_MARK_IGNORE_SURV, ignored, access);
  }

  drain(): boolean {
    for (let reads = 0; reads < READS_PER_TURN_MAX; reads += 1) {
      if (this.#state === 'closed') return false;
      let got: number;
      try {
        got = this.#native.fanotify.readEvents(this.#group, this.#buffer);
      } catch (error) {
        this.close();
        this.#listener.onFailure(error);
        return false;
      }
      if (got === WOULD_BLOCK || got === 0) return false;
      this.#listener.onChanges(changesOf(this.#device, this.#buffer.subarray(0, got)));
    }
    return true;
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#poll.close();
    this.#native.files.close(this.#group);
  }

  #removeMask(kind: number, mask: number, access: Exclude<DirectoryAccess, 'none'>): void {
    const { fanotify } = this.#native;
    try {
      if ('fd' in access) fanotify.markFd(this.#group, FAN_MARK_REMOVE | kind, mask, access.fd);
      else fanotify.markPath(this.#group, FAN_MARK_REMOVE | kind | AT_PATH, mask, access.path);
    } catch (error) {
      // There is no such mark, or no such directory. What went wrong otherwise costs events that nobody looks at.
      expectErrno(error);
    }
  }
}

function changesOf(device: string, bytes: Buffer): Change[] {
  const { events, malformed } = decodeFidEvents(bytes);
  const changes: Change[] = [];
  for (const event of events) {
    const change = changeOf(device, event);
    if (change !== undefined) changes.push(change);
  }
  if (malformed !== undefined) changes.push({ kind: 'lost', code: `malformed:${malformed.reason}` });
  return changes;
}

function changeOf(device: string, event: FidEvent): Change | undefined {
  if (event.kind === 'overflow') return { kind: 'lost', code: 'overflow' };
  if (event.kind === 'unnamed') return undefined;
  const { mask, name } = event;
  const directory = identityOf(device, event.directory);
  if ((mask & FAN_DELETE_SELF) !== 0) return { kind: 'self', what: 'deleted', directory };
  if ((mask & FAN_MOVE_SELF) !== 0) return { kind: 'self', what: 'moved', directory };
  if (event.isDirectory) {
    // Merged events have several bits: with a rename among them it may turn up elsewhere.
    const deleted = (mask & FAN_DELETE) !== 0 && (mask & FAN_MOVED_FROM) === 0;
    return { kind: 'entry', what: deleted ? 'deleted' : 'other', directory, name };
  }
  return (mask & FAN_MOVED_TO) !== 0 ? { kind: 'fileMovedIn', directory, name } : undefined;
}
