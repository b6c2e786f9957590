import {
  FAN_ALLOW,
  FAN_DENY,
  FAN_EVENT_METADATA_LEN,
  FAN_EVENT_ON_CHILD,
  FAN_NOFD,
  FAN_ONDIR,
  FAN_Q_OVERFLOW,
  FAN_REPORT_FD_ERROR,
  FAN_UNLIMITED_QUEUE,
  FANOTIFY_METADATA_VERSION,
} from './constants.js';
import type { FakeReadiness, FakeWakeups, OpenDescription } from './fake-descriptors.js';
import { isDirectory } from './fake-disk.js';
import type { FakeInode } from './fake-disk.js';
import { systemError } from './fake-faults.js';
import { errnoName, isErrno } from './native-error.js';
import { WOULD_BLOCK } from './native-api.js';
import { constants } from 'node:os';

/** fs.fanotify.max_queued_events, as Linux has it without FAN_UNLIMITED_QUEUE. */
const QUEUED_EVENTS_MAX = 16_384;
/** Set in a response to have it audited (fanotify(7)); changes nothing else. */
const FAN_AUDIT = 0x10;

/** What one mark asks for; `ignored` outlives a modification only when `survivesModify`. */
export interface FakeMark {
  mask: number;
  ignored: number;
  survivesModify: boolean;
}

/** Something that happened to an inode. */
export interface FakeHappening {
  readonly mask: number;
  readonly inode: FakeInode;
  readonly path: string;
  /** The directory it was reached through. */
  readonly parent: FakeInode | undefined;
  readonly pid: number;
}

export type FakeAnswer = 'allow' | 'deny';

type QueuedEvent =
  | {
      readonly kind: 'permission';
      readonly about: FakeHappening;
      readonly answer: (answer: FakeAnswer) => void;
    }
  | { readonly kind: 'notification'; about: FakeHappening }
  | { readonly kind: 'record'; readonly bytes: Buffer };

interface HandedOut {
  readonly fd: number;
  readonly answer: (answer: FakeAnswer) => void;
}

/** A fanotify group: its marks, its queue, and the permission events that were read and not answered. */
export class FakeGroup implements OpenDescription {
  references = 0;
  readonly pollable = true;
  readonly marks = new Map<FakeInode, FakeMark>();
  /** Marks on the mount or the file system: the fake has one of each. */
  readonly everywhere: FakeMark = { mask: 0, ignored: 0, survivesModify: true };
  readonly flags: number;
  readonly eventFlags: number;
  readonly #wakeups: FakeWakeups;
  readonly #onReleased: (group: FakeGroup) => void;
  readonly #queue: QueuedEvent[] = [];
  readonly #handedOut: HandedOut[] = [];

  constructor(options: {
    flags: number;
    eventFlags: number;
    wakeups: FakeWakeups;
    onReleased: (group: FakeGroup) => void;
  }) {
    this.flags = options.flags;
    this.eventFlags = options.eventFlags;
    this.#wakeups = options.wakeups;
    this.#onReleased = options.onReleased;
  }

  /** Permission events, queued or read, that hold an opener. */
  get unanswered(): number {
    return this.#handedOut.length + this.#queue.filter(({ kind }) => kind === 'permission').length;
  }

  /** Whether some mark asks for it and none ignores it. */
  wants({ mask, inode, parent }: FakeHappening): boolean {
    const parentMark = parent === undefined ? undefined : this.marks.get(parent);
    const childMark =
      parentMark !== undefined && ((parentMark.mask | parentMark.ignored) & FAN_EVENT_ON_CHILD) !== 0
        ? parentMark
        : undefined;
    const needed = isDirectory(inode) ? FAN_ONDIR : 0;
    const marks = [this.marks.get(inode), childMark, this.everywhere];
    const asked = marks.some(
      (mark) => mark !== undefined && (mark.mask & mask) !== 0 && (mark.mask & needed) === needed,
    );
    return asked && !marks.some((mark) => mark !== undefined && (mark.ignored & mask) !== 0);
  }

  /** Holds the opener until the answer comes; undefined when the queue is full, which allows it. */
  ask(about: FakeHappening): Promise<FakeAnswer> | undefined {
    if (this.#overflows()) return undefined;
    return new Promise((resolve) => {
      this.#push({ kind: 'permission', about, answer: resolve });
    });
  }

  /** Queues a notification, joined with one on the same inode by the same process that is still unread. */
  tell(about: FakeHappening): void {
    for (const event of this.#queue) {
      if (event.kind !== 'notification') continue;
      if (event.about.inode !== about.inode || event.about.pid !== about.pid) continue;
      event.about = { ...about, mask: event.about.mask | about.mask };
      return;
    }
    if (!this.#overflows()) this.#push({ kind: 'notification', about });
  }

  /** Queues a record as it is. */
  pushRecord(bytes: Buffer): void {
    this.#push({ kind: 'record', bytes });
  }

  /**
   * Fills `into` with whole records.
   *
   * @param openEventFd - makes the descriptor of an event. @throws NativeError
   */
  read(into: Uint8Array, openEventFd: (about: FakeHappening) => number): number {
    if (this.#queue.length === 0) return WOULD_BLOCK;
    let at = 0;
    for (let event = this.#queue[0]; event !== undefined; event = this.#queue[0]) {
      const lengthBytes = event.kind === 'record' ? event.bytes.length : FAN_EVENT_METADATA_LEN;
      if (at + lengthBytes > into.byteLength) {
        if (at === 0) throw systemError('read', 'EINVAL', { bufferBytes: into.byteLength });
        break;
      }
      this.#queue.shift();
      try {
        into.set(event.kind === 'record' ? event.bytes : this.#handOut(event, openEventFd), at);
      } catch (error) {
        if (at === 0) throw error;
        break; // The kernel swallows an error that comes after a whole record.
      }
      at += lengthBytes;
    }
    return at;
  }

  /** @throws NativeError EINVAL for a response that is none, ENOENT for an fd no event waits under. */
  answer(fd: number, response: number): void {
    const decision = response & ~FAN_AUDIT;
    if (fd < 0 || (decision !== FAN_ALLOW && decision !== FAN_DENY))
      throw systemError('writev', 'EINVAL', { fd });
    const index = this.#handedOut.findIndex((waiting) => waiting.fd === fd);
    const [waiting] = index < 0 ? [] : this.#handedOut.splice(index, 1);
    if (waiting === undefined) throw systemError('writev', 'ENOENT', { fd });
    waiting.answer(decision === FAN_ALLOW ? 'allow' : 'deny');
  }

  readiness(): FakeReadiness {
    return { readable: this.#queue.length > 0, writable: false, failed: false };
  }

  /** The kernel allows whoever still waits. */
  released(): void {
    for (const { answer } of this.#handedOut.splice(0)) answer('allow');
    for (const event of this.#queue.splice(0)) if (event.kind === 'permission') event.answer('allow');
    this.#onReleased(this);
  }

  #handOut(
    event: Exclude<QueuedEvent, { kind: 'record' }>,
    openEventFd: (about: FakeHappening) => number,
  ): Buffer {
    let fd: number;
    try {
      fd = openEventFd(event.about);
    } catch (error) {
      // Without an event fd nobody can answer, so the kernel refuses the opener itself.
      if (event.kind === 'permission') event.answer('deny');
      if ((this.flags & FAN_REPORT_FD_ERROR) === 0) throw error;
      fd = negativeErrno(error);
    }
    if (event.kind === 'permission' && fd >= 0) this.#handedOut.push({ fd, answer: event.answer });
    return encodeMetadata(event.about.mask, fd, event.about.pid);
  }

  /** When full, one overflow record is left behind at the end of the queue. */
  #overflows(): boolean {
    if ((this.flags & FAN_UNLIMITED_QUEUE) !== 0 || this.#queue.length < QUEUED_EVENTS_MAX) return false;
    if (this.#queue.length === QUEUED_EVENTS_MAX)
      this.pushRecord(encodeMetadata(FAN_Q_OVERFLOW, FAN_NOFD, 0));
    return true;
  }

  #push(event: QueuedEvent): void {
    this.#queue.push(event);
    this.#wakeups.notify();
  }
}

/** struct fanotify_event_metadata, linux/fanotify.h. */
function encodeMetadata(mask: number, fd: number, pid: number): Buffer {
  const record = Buffer.alloc(FAN_EVENT_METADATA_LEN);
  record.writeUInt32LE(FAN_EVENT_METADATA_LEN, 0);
  record.writeUInt8(FANOTIFY_METADATA_VERSION, 4);
  record.writeUInt16LE(FAN_EVENT_METADATA_LEN, 6);
  record.writeBigUInt64LE(BigInt(mask), 8);
  record.writeInt32LE(fd, 16);
  record.writeInt32LE(pid, 20);
  return record;
}

function negativeErrno(error: unknown): number {
  const known = Object.values(constants.errno).find((errno) => isErrno(error, errnoName(errno)));
  if (known === undefined) throw error;
  return -known;
}
