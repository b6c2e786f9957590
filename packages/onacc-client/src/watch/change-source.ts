import { constants, WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';
import { decodeFidEvents } from './decode-fid-events.js';
import type { DecodedFidEvents } from './decode-fid-events.js';

const { FAN_CLASS_NOTIF, FAN_REPORT_DFID_NAME, FAN_CLOEXEC, FAN_NONBLOCK, FAN_UNLIMITED_MARKS } = constants;
const { FAN_CREATE, FAN_DELETE, FAN_MOVED_FROM, FAN_MOVED_TO, FAN_DELETE_SELF, FAN_MOVE_SELF } = constants;
const { FAN_ONDIR, FAN_EVENT_ON_CHILD, FAN_MARK_ADD, FAN_MARK_ONLYDIR, FAN_MARK_DONT_FOLLOW } = constants;

// The queue stays at the kernel's bound (fs.fanotify.max_queued_events): an overflow costs a walk, not memory.
const GROUP_FLAGS = FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS;
const FOLLOW_MASK =
  FAN_CREATE |
  FAN_DELETE |
  FAN_MOVED_FROM |
  FAN_MOVED_TO |
  FAN_DELETE_SELF |
  FAN_MOVE_SELF |
  FAN_ONDIR |
  FAN_EVENT_ON_CHILD;
const READ_BUFFER_BYTES = 65_536;
/** After so many reads the event loop gets a turn; poll is level-triggered and calls again. */
const READS_PER_TURN_MAX = 32;

/**
 * Tells what happens to the directories of one device. One source a device: handles are unique only within one.
 * The fanotify FID group is the first kind; inotify, for file systems without file handles, is to be the second.
 */
export interface ChangeSource {
  /** From now on changes of the directory's entries are told. @throws NativeError */
  follow(path: string): void;
  /** Reads what is waiting and hands it on before it returns. @returns whether something may be left. */
  drain(): boolean;
  /** Idempotent. */
  close(): void;
}

/** Where a source delivers. A failure is final: the source is closed. */
export interface ChangeListener {
  onChanges(changes: DecodedFidEvents): void;
  onFailure(error: unknown): void;
}

/** Owns a fanotify group of class NOTIF with FAN_REPORT_DFID_NAME (fanotify_init(2)) and its poll handle. */
export class FidGroup implements ChangeSource {
  readonly #native: NativeApi;
  readonly #listener: ChangeListener;
  readonly #group: number;
  readonly #poll: PollHandle;
  readonly #buffer = Buffer.alloc(READ_BUFFER_BYTES);
  #state: 'open' | 'closed' = 'open';

  /** @throws NativeError when there can be no such group: EINVAL (kernel before 5.9), EPERM, EMFILE. */
  constructor(native: NativeApi, listener: ChangeListener) {
    this.#native = native;
    this.#listener = listener;
    this.#group = native.fanotify.createGroup(GROUP_FLAGS, 0);
    this.#poll = native.poller.watch(this.#group, { readable: true, writable: false }, () => {
      this.drain();
    });
  }

  follow(path: string): void {
    const flags = FAN_MARK_ADD | FAN_MARK_ONLYDIR | FAN_MARK_DONT_FOLLOW;
    this.#native.fanotify.markPath(this.#group, flags, FOLLOW_MASK, path);
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
      this.#listener.onChanges(decodeFidEvents(this.#buffer.subarray(0, got)));
    }
    return true;
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#poll.close();
    this.#native.files.close(this.#group);
  }
}
