import {
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_IGNORED,
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_MOVE_SELF,
  IN_ONLYDIR,
} from './constants.js';
import type { FakeDescriptors, FakeWakeups } from './fake-descriptors.js';
import { isDirectory } from './fake-disk.js';
import type { FakeDisk, FakeInode, FakeNaming } from './fake-disk.js';
import { systemError } from './fake-faults.js';
import type { FakeFaults } from './fake-faults.js';
import { FakeRecords } from './fake-records.js';
import type { InotifyApi } from './native-api.js';

const HEADER_BYTES = 16;
/** The bits of a mask that are events (IN_ALL_EVENTS); a mask without any is EINVAL. */
const ALL_EVENTS = 0xfff;
/** Told whether asked for or not. */
const ALWAYS = IN_IGNORED;

interface Watch {
  readonly id: number;
  readonly inode: FakeInode;
  readonly mask: number;
}

/** An inotify instance (inotify(7)). Its queue has no bound: the overflow record is one that a test pushes. */
export class FakeInotify extends FakeRecords {
  readonly #wakeups: FakeWakeups;
  readonly #onReleased: (released: FakeInotify) => void;
  readonly #watches: Watch[] = [];
  readonly #queue: Buffer[] = [];
  #nextId = 1;

  constructor(wakeups: FakeWakeups, onReleased: (released: FakeInotify) => void) {
    super();
    this.#wakeups = wakeups;
    this.#onReleased = onReleased;
  }

  /** The same inode has the same watch, whose mask is replaced. */
  add(inode: FakeInode, mask: number): number {
    const at = this.#watches.findIndex((watch) => watch.inode === inode);
    const id = this.#watches[at]?.id ?? this.#nextId++;
    this.#watches.splice(at < 0 ? this.#watches.length : at, 1, { id, inode, mask });
    return id;
  }

  remove(id: number): boolean {
    const at = this.#watches.findIndex((watch) => watch.id === id);
    if (at < 0) return false;
    this.#watches.splice(at, 1);
    this.push(encodeEvent({ id, mask: IN_IGNORED, cookie: 0, name: '' }));
    return true;
  }

  tell(inode: FakeInode, mask: number, { cookie = 0, name = '' } = {}): void {
    for (const watch of this.#watches) {
      if (watch.inode !== inode || (watch.mask & mask & (ALL_EVENTS | ALWAYS)) === 0) continue;
      this.push(encodeEvent({ id: watch.id, mask, cookie, name }));
    }
  }

  /** The inode is gone, and its watch with it. */
  forget(inode: FakeInode): void {
    const watch = this.#watches.find((candidate) => candidate.inode === inode);
    if (watch !== undefined) this.remove(watch.id);
  }

  /** inotify(7): a record equal to the one before it is not queued again. */
  push(record: Buffer): void {
    if (this.#queue.at(-1)?.equals(record) === true) return;
    this.#queue.push(record);
    this.#wakeups.notify();
  }

  released(): void {
    this.#onReleased(this);
  }

  protected first(): Buffer | undefined {
    return this.#queue[0];
  }

  protected shift(): void {
    this.#queue.shift();
  }
}

interface InotifyParts {
  readonly descriptors: FakeDescriptors;
  readonly disk: FakeDisk;
  readonly faults: FakeFaults;
  readonly wakeups: FakeWakeups;
}

export function createFakeInotify({ descriptors, disk, faults, wakeups }: InotifyParts): InotifyApi {
  const instances = new Set<FakeInotify>();
  disk.onNamed((naming) => {
    for (const instance of instances) tellNaming(instance, naming);
  });
  disk.onModified((inode) => {
    for (const instance of instances) instance.tell(inode, IN_MODIFY);
  });
  const open = (fd: number, syscall: string): FakeInotify => {
    const description = descriptors.get(fd, syscall);
    if (description instanceof FakeInotify) return description;
    throw systemError(syscall, 'EINVAL', { fd });
  };
  return {
    create() {
      faults.pass('create');
      const instance = new FakeInotify(wakeups, (released) => instances.delete(released));
      const fd = descriptors.install(instance, 'inotify_init1');
      instances.add(instance);
      return fd;
    },
    addWatch(fd, path, mask) {
      faults.pass('addWatch');
      const instance = open(fd, 'inotify_add_watch');
      if ((mask & ALL_EVENTS) === 0) throw systemError('inotify_add_watch', 'EINVAL', { path, mask });
      const inode = disk.require(path, 'inotify_add_watch');
      if ((mask & IN_ONLYDIR) !== 0 && !isDirectory(inode))
        throw systemError('inotify_add_watch', 'ENOTDIR', { path, mask });
      return instance.add(inode, mask);
    },
    removeWatch(fd, watch) {
      faults.pass('removeWatch');
      if (!open(fd, 'inotify_rm_watch').remove(watch))
        throw systemError('inotify_rm_watch', 'EINVAL', { watch });
    },
  };
}

function tellNaming(instance: FakeInotify, { kind, inode, parent, name, cookie }: FakeNaming): void {
  const type = isDirectory(inode) ? IN_ISDIR : 0;
  if (parent !== undefined) instance.tell(parent, NAMING_EVENTS[kind] | type, { cookie, name });
  if (kind === 'movedTo') instance.tell(inode, IN_MOVE_SELF);
  if (kind !== 'deleted' || inode.linkCount > 0) return;
  instance.tell(inode, IN_DELETE_SELF);
  instance.forget(inode);
}

const NAMING_EVENTS = {
  created: IN_CREATE,
  deleted: IN_DELETE,
  movedFrom: IN_MOVED_FROM,
  movedTo: IN_MOVED_TO,
} as const;

/** struct inotify_event: watch, mask, cookie, length of the name with its padding; NULs up to a multiple of 16. */
function encodeEvent(event: { id: number; mask: number; cookie: number; name: string }): Buffer {
  const nameBytes = Buffer.byteLength(event.name);
  const paddedBytes = nameBytes === 0 ? 0 : Math.ceil((nameBytes + 1) / HEADER_BYTES) * HEADER_BYTES;
  const record = Buffer.alloc(HEADER_BYTES + paddedBytes);
  record.writeInt32LE(event.id, 0);
  record.writeUInt32LE(event.mask >>> 0, 4);
  record.writeUInt32LE(event.cookie, 8);
  record.writeUInt32LE(paddedBytes, 12);
  record.write(event.name, HEADER_BYTES);
  return record;
}
