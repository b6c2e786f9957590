import { posix } from 'node:path';
import { FAN_CLOSE_WRITE, FAN_OPEN, FAN_OPEN_EXEC_PERM, FAN_OPEN_PERM, S_IFMT } from './constants.js';
import type { FakeDisk } from './fake-disk.js';
import { isDirectory, isRegular } from './fake-disk.js';
import { systemError } from './fake-faults.js';
import type { FakeFanotify } from './fake-fanotify.js';
import { FakeFile } from './fake-files.js';
import type { FakeLeases } from './fake-leases.js';

const FAN_MODIFY = 0x2;

/** What open(2) came to for a process that is not ours. */
export type OpenOutcome = 'allowed' | 'EPERM';

export interface OpenerOptions {
  /** Default 4242. */
  readonly pid?: number;
  /** Opens for reading and writing; default only for reading. */
  readonly write?: boolean;
  /** execve(2): asked about the execution first, then about the open. */
  readonly exec?: boolean;
}

/** A file another process holds open. */
export interface HeldFile {
  readonly outcome: 'allowed';
  /** Replaces the content. */
  write(content: string | Uint8Array): void;
  close(): void;
}

/** Test side: the other processes of the host, whose opens the marks make wait. */
export class FakeOpener {
  readonly #disk: FakeDisk;
  readonly #fanotify: FakeFanotify;
  readonly #leases: FakeLeases;

  constructor(disk: FakeDisk, fanotify: FakeFanotify, leases: FakeLeases) {
    this.#leases = leases;
    this.#disk = disk;
    this.#fanotify = fanotify;
  }

  /** Opens and at once closes. The event is queued before this returns. */
  async open(path: string, options: OpenerOptions = {}): Promise<OpenOutcome> {
    const held = await this.hold(path, options);
    if (held.outcome === 'allowed') held.close();
    return held.outcome;
  }

  /** Opens and keeps open. The event is queued before this returns. @throws NativeError ENOENT. */
  async hold(path: string, options: OpenerOptions = {}): Promise<HeldFile | { readonly outcome: 'EPERM' }> {
    const { pid = 4242, write = false, exec = false } = options;
    const inode = this.#disk.require(path, 'open');
    const about = { inode, path, parent: this.#disk.parentOf(posix.normalize(path)), pid };
    const watched = isRegular(inode) || isDirectory(inode);
    if (write && isDirectory(inode)) throw systemError('open', 'EISDIR', { path });
    if (!watched) throw systemError('open', 'ENXIO', { path, type: inode.mode & S_IFMT });
    // Counted before the question, as in Linux: the lease probe must see the opener who waits.
    const file = new FakeFile(inode, path, write ? 'readWrite' : 'read');
    const questions = exec ? [FAN_OPEN_EXEC_PERM, FAN_OPEN_PERM] : [FAN_OPEN_PERM];
    for (const mask of questions) {
      if ((await this.#fanotify.ask({ ...about, mask })) === 'deny') {
        file.released();
        return { outcome: 'EPERM' };
      }
    }
    // do_dentry_open(): the groups are asked first, then leases are broken.
    if (write) await this.#leases.break(inode);
    this.#fanotify.tell({ ...about, mask: FAN_OPEN });
    let open = true;
    return {
      outcome: 'allowed',
      write: (content) => {
        if (!open || !write) throw systemError('write', 'EBADF', { path });
        this.#disk.replaceContent(inode, Buffer.from(content));
        this.#fanotify.tell({ ...about, mask: FAN_MODIFY });
      },
      close: () => {
        if (!open) return;
        open = false;
        file.released();
        if (write) this.#fanotify.tell({ ...about, mask: FAN_CLOSE_WRITE });
      },
    };
  }
}
