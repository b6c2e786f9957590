import {
  FAN_CLASS_CONTENT,
  FAN_CLOEXEC,
  FAN_MARK_ADD,
  FAN_MARK_DONT_FOLLOW,
  FAN_MARK_EVICTABLE,
  FAN_MARK_FILESYSTEM,
  FAN_MARK_FLUSH,
  FAN_MARK_IGNORED_MASK,
  FAN_MARK_MOUNT,
  FAN_MARK_ONLYDIR,
  FAN_MARK_REMOVE,
  FAN_NONBLOCK,
  FAN_OPEN_EXEC_PERM,
  FAN_OPEN_PERM,
  FAN_REPORT_DFID_NAME,
  FAN_REPORT_FD_ERROR,
  FAN_UNLIMITED_MARKS,
  FAN_UNLIMITED_QUEUE,
} from './constants.js';
import type { FakeDescriptors, FakeWakeups } from './fake-descriptors.js';
import { isDirectory } from './fake-disk.js';
import type { FakeDisk, FakeInode } from './fake-disk.js';
import { systemError } from './fake-faults.js';
import type { FakeFaults } from './fake-faults.js';
import { FakeFile } from './fake-files.js';
import { FakeGroup } from './fake-group.js';
import type { FakeHappening, FakeMark } from './fake-group.js';
import { WOULD_BLOCK } from './native-api.js';
import type { FanotifyApi } from './native-api.js';

// linux/fanotify.h, those that constants.ts has no use for.
const FAN_MARK_IGNORED_SURV_MODIFY = 0x40;
const FAN_MARK_IGNORE = 0x400;

/** A kernel that knows these says EINVAL to the rest, as an older one would. */
const KNOWN_INIT_FLAGS =
  FAN_CLOEXEC |
  FAN_NONBLOCK |
  FAN_CLASS_CONTENT |
  FAN_UNLIMITED_QUEUE |
  FAN_UNLIMITED_MARKS |
  FAN_REPORT_DFID_NAME |
  FAN_REPORT_FD_ERROR;
const MARK_VERBS = FAN_MARK_ADD | FAN_MARK_REMOVE | FAN_MARK_FLUSH;
const KNOWN_MARK_FLAGS =
  MARK_VERBS |
  FAN_MARK_DONT_FOLLOW |
  FAN_MARK_ONLYDIR |
  FAN_MARK_MOUNT |
  FAN_MARK_FILESYSTEM |
  FAN_MARK_IGNORED_MASK |
  FAN_MARK_IGNORED_SURV_MODIFY |
  FAN_MARK_IGNORE |
  FAN_MARK_EVICTABLE;
const PERMISSION_EVENTS = FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM;
const ACCESS_BY_MODE = ['read', 'write', 'readWrite', 'write'] as const;
const RESPONSE_BYTES = 8;
const RESPONSES_MAX = 64;

interface FanotifyParts {
  readonly descriptors: FakeDescriptors;
  readonly disk: FakeDisk;
  readonly faults: FakeFaults;
  readonly wakeups: FakeWakeups;
}

/** fanotify(7) without the kernel. */
export class FakeFanotify implements FanotifyApi {
  readonly #parts: FanotifyParts;
  readonly #groups = new Set<FakeGroup>();

  constructor(parts: FanotifyParts) {
    this.#parts = parts;
    parts.disk.onModified((inode) => {
      for (const group of this.#groups) forgetIgnored(group, inode);
    });
  }

  get unansweredEvents(): number {
    let count = 0;
    for (const group of this.#groups) count += group.unanswered;
    return count;
  }

  /** Asks every group that wants to know, one after the other, until one denies. */
  async ask(happening: FakeHappening): Promise<'allow' | 'deny'> {
    for (const group of [...this.#groups]) {
      if (!group.wants(happening)) continue;
      if ((await group.ask(happening)) === 'deny') return 'deny';
    }
    return 'allow';
  }

  tell(happening: FakeHappening): void {
    for (const group of this.#groups) if (group.wants(happening)) group.tell(happening);
  }

  pushRecord(group: number, bytes: Buffer): void {
    this.#group(group, 'write').pushRecord(bytes);
  }

  createGroup(flags: number, eventFlags: number): number {
    const { descriptors, faults, wakeups } = this.#parts;
    faults.pass('createGroup');
    const unknown = flags & ~KNOWN_INIT_FLAGS;
    const namesInContentClass = (flags & FAN_CLASS_CONTENT) !== 0 && (flags & FAN_REPORT_DFID_NAME) !== 0;
    if (unknown !== 0 || namesInContentClass) throw systemError('fanotify_init', 'EINVAL', { flags });
    descriptors.requireRoom('fanotify_init');
    const onReleased = (group: FakeGroup): void => {
      this.#groups.delete(group);
    };
    const group = new FakeGroup({ flags, eventFlags, wakeups, onReleased });
    this.#groups.add(group);
    return descriptors.install(group, 'fanotify_init');
  }

  markPath(group: number, flags: number, mask: number, path: string): void {
    this.#parts.faults.pass('markPath');
    const follow = (flags & FAN_MARK_DONT_FOLLOW) === 0;
    this.#mark(group, flags, mask, () => this.#parts.disk.require(path, 'fanotify_mark', { follow }));
  }

  markFd(group: number, flags: number, mask: number, fd: number): void {
    this.#parts.faults.pass('markFd');
    this.#mark(group, flags, mask, () => {
      const description = this.#parts.descriptors.get(fd, 'fanotify_mark');
      if (!(description instanceof FakeFile)) throw systemError('fanotify_mark', 'EINVAL', { fd });
      return description.inode;
    });
  }

  readEvents(group: number, into: Uint8Array): number {
    const { descriptors, faults } = this.#parts;
    if (faults.wouldBlock('readEvents')) return WOULD_BLOCK;
    const open = this.#group(group, 'read');
    return open.read(into, ({ inode, path }) => {
      const ordered = faults.take('eventFd');
      if (ordered !== undefined) throw systemError('read', ordered, { group });
      descriptors.requireRoom('read');
      const access = ACCESS_BY_MODE[open.eventFlags & 3] ?? 'read';
      return descriptors.install(new FakeFile(inode, path, access), 'read');
    });
  }

  respond(group: number, responses: Uint8Array, count: number): number {
    this.#parts.faults.pass('respond');
    const open = this.#group(group, 'writev');
    const records = Buffer.from(responses.buffer, responses.byteOffset, responses.byteLength);
    let taken = 0;
    try {
      for (; taken < Math.min(count, RESPONSES_MAX); taken += 1) {
        const at = taken * RESPONSE_BYTES;
        open.answer(records.readInt32LE(at), records.readUInt32LE(at + 4));
      }
    } catch (error) {
      if (taken === 0) throw error; // writev(2): a failure after the first whole part is told by the count.
    }
    return taken;
  }

  #mark(group: number, flags: number, mask: number, target: () => FakeInode): void {
    const open = this.#group(group, 'fanotify_mark');
    requireMarkArguments(open, flags, mask);
    const everywhere = (flags & (FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM)) !== 0;
    if ((flags & FAN_MARK_FLUSH) !== 0) {
      if (everywhere) Object.assign(open.everywhere, { mask: 0, ignored: 0 });
      else open.marks.clear();
      return;
    }
    const inode = target();
    if ((flags & FAN_MARK_ONLYDIR) !== 0 && !isDirectory(inode))
      throw systemError('fanotify_mark', 'ENOTDIR');
    if ((flags & FAN_MARK_REMOVE) !== 0) removeMark(open, flags, mask, everywhere ? undefined : inode);
    else addMark(open, flags, mask, everywhere ? undefined : inode);
  }

  #group(fd: number, syscall: string): FakeGroup {
    const description = this.#parts.descriptors.get(fd, syscall);
    if (!(description instanceof FakeGroup)) throw systemError(syscall, 'EINVAL', { fd });
    return description;
  }
}

function requireMarkArguments(group: FakeGroup, flags: number, mask: number): void {
  const verb = flags & MARK_VERBS;
  const oneVerb = verb === FAN_MARK_ADD || verb === FAN_MARK_REMOVE || verb === FAN_MARK_FLUSH;
  const known = (flags & ~KNOWN_MARK_FLAGS) === 0;
  const maskFits = verb === FAN_MARK_FLUSH || mask !== 0;
  const mayAsk = (group.flags & FAN_CLASS_CONTENT) !== 0 || (mask & PERMISSION_EVENTS) === 0;
  if (!oneVerb || !known || !maskFits || !mayAsk)
    throw systemError('fanotify_mark', 'EINVAL', { flags, mask });
}

function ignores(flags: number): boolean {
  return (flags & (FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORE)) !== 0;
}

function addMark(group: FakeGroup, flags: number, mask: number, inode: FakeInode | undefined): void {
  const survives = (flags & FAN_MARK_IGNORED_SURV_MODIFY) !== 0;
  // The kernel answers "done" and does nothing (measured): nobody may take this for a cached verdict.
  if (ignores(flags) && !survives && inode !== undefined && inode.writers > 0) return;
  const mark: FakeMark =
    inode === undefined
      ? group.everywhere
      : (group.marks.get(inode) ?? { mask: 0, ignored: 0, survivesModify: false });
  if (inode !== undefined) group.marks.set(inode, mark);
  if (!ignores(flags)) mark.mask |= mask;
  else {
    mark.ignored |= mask;
    mark.survivesModify ||= survives;
  }
}

function removeMark(group: FakeGroup, flags: number, mask: number, inode: FakeInode | undefined): void {
  const mark = inode === undefined ? group.everywhere : group.marks.get(inode);
  if (mark === undefined) throw systemError('fanotify_mark', 'ENOENT');
  if (ignores(flags)) mark.ignored &= ~mask;
  else mark.mask &= ~mask;
  if (inode !== undefined && mark.mask === 0 && mark.ignored === 0) group.marks.delete(inode);
}

/** Content that changed is no longer what the ignore mark was set for. */
function forgetIgnored(group: FakeGroup, inode: FakeInode): void {
  const mark = group.marks.get(inode);
  if (mark === undefined || mark.survivesModify) return;
  mark.ignored = 0;
  if (mark.mask === 0) group.marks.delete(inode);
}
