import { posix } from 'node:path';
import { S_IFDIR, S_IFMT, S_IFREG } from './constants.js';
import { systemError } from './fake-faults.js';

export const S_IFLNK = 0o120000;
export const S_IFSOCK = 0o140000;
/** linux/magic.h */
const EXT_SUPER_MAGIC = 0xef53;
/** As the kernel's MAXSYMLINKS (path_resolution(7)). */
const SYMLINK_HOPS_MAX = 40;
const PLAIN_INODE = {
  writers: 0,
  leases: true,
  filesystemType: EXT_SUPER_MAGIC,
  mountId: 0,
  cachedBytes: Number.POSITIVE_INFINITY,
  lockHolder: undefined,
};
/** Long ago on purpose: no file looks freshly written to code that compares with the wall clock. */
const FIRST_TIME_MS = 1_700_000_000_000;

export interface FakeInode {
  readonly number: number;
  /** Of a symbolic link: its target. */
  content: Buffer;
  /** File type and permission bits. */
  mode: number;
  uid: number;
  mtimeMs: number;
  ctimeMs: number;
  linkCount: number;
  /** Open descriptions that can write to it, whoever holds them. */
  writers: number;
  /** Whether its file system supports leases. */
  leases: boolean;
  /** statfs(2) f_type of its file system; ext4's unless told. */
  filesystemType: number;
  /** Of the mount it is reached through. */
  mountId: number;
  /** Bytes from the start that are in the page cache. */
  cachedBytes: number;
  /** The open description that holds the write lock, or something that stands for another process of the host. */
  lockHolder: object | undefined;
}

/** A name came or went. */
export interface FakeNaming {
  readonly kind: 'created' | 'deleted' | 'movedFrom' | 'movedTo';
  readonly inode: FakeInode;
  /** The directory that holds the name, and the name's last component. */
  readonly parent: FakeInode | undefined;
  readonly name: string;
  /** Ties the two halves of a rename together; 0 for the rest. */
  readonly cookie: number;
}

export interface FakeFileOptions {
  /** Permission bits; default 0o644. */
  readonly mode?: number;
  /** Default 0. */
  readonly uid?: number;
}

export function isRegular(inode: FakeInode): boolean {
  return (inode.mode & S_IFMT) === S_IFREG;
}

export function isDirectory(inode: FakeInode): boolean {
  return (inode.mode & S_IFMT) === S_IFDIR;
}

/**
 * One file system of named inodes. Every change moves its clock on by a millisecond, so no two versions of a file
 * share a ctime. `/tmp` and `/run` are there from the start.
 */
export class FakeDisk {
  readonly #names = new Map<string, FakeInode>();
  readonly #onModified: ((inode: FakeInode) => void)[] = [];
  readonly #onNamed: ((naming: FakeNaming) => void)[] = [];
  #nextCookie = 1;
  #nextNumber = 2;
  #nowMs = FIRST_TIME_MS;

  constructor() {
    this.#names.set('/', this.#createInode(S_IFDIR | 0o755, 0));
    this.makeDirectory('/tmp', { mode: 0o1777 });
    this.makeDirectory('/run');
  }

  /** Makes it and whatever is missing above it. */
  makeDirectory(path: string, options: FakeFileOptions = {}): FakeInode {
    const name = absolute(path);
    const there = this.#names.get(name);
    if (there !== undefined) return there;
    this.makeDirectory(posix.dirname(name));
    return this.create(name, S_IFDIR | (options.mode ?? 0o755), options.uid ?? 0);
  }

  /** Makes the file, or replaces the content of the one that is there, as a write by a stranger would. */
  writeFile(path: string, content: string | Uint8Array, options: FakeFileOptions = {}): FakeInode {
    const name = absolute(path);
    this.makeDirectory(posix.dirname(name));
    const inode = this.find(name) ?? this.create(name, S_IFREG | (options.mode ?? 0o644), options.uid ?? 0);
    this.replaceContent(inode, Buffer.from(content));
    return inode;
  }

  /** Only what chmod(2), chown(2) and utimensat(2) could change; the ctime moves on. */
  setStatus(path: string, changes: { mode?: number; uid?: number; mtimeMs?: number }): void {
    const inode = this.require(path, 'statx');
    if (changes.mode !== undefined) inode.mode = (inode.mode & S_IFMT) | (changes.mode & ~S_IFMT);
    inode.uid = changes.uid ?? inode.uid;
    inode.mtimeMs = changes.mtimeMs ?? inode.mtimeMs;
    inode.ctimeMs = this.#tick();
  }

  /** A hard link. */
  link(existing: string, path: string): void {
    const inode = this.require(existing, 'link');
    this.#names.set(absolute(path), inode);
    inode.linkCount += 1;
    inode.ctimeMs = this.#tick();
    this.#tellNaming('created', inode, path);
  }

  symlink(target: string, path: string): void {
    this.create(path, S_IFLNK | 0o777, 0).content = Buffer.from(target);
  }

  /** rename(2): what was at `to` loses its name; a directory takes what is in it along. */
  rename(from: string, to: string): void {
    const [source, target] = [absolute(from), absolute(to)];
    const moved = this.require(source, 'rename', { follow: false });
    moved.ctimeMs = this.#tick();
    if (this.#names.has(target)) this.remove(target);
    for (const [name, inode] of [...this.#names]) {
      if (name !== source && !name.startsWith(`${source}/`)) continue;
      this.#names.delete(name);
      this.#names.set(target + name.slice(source.length), inode);
    }
    const cookie = this.#nextCookie++;
    this.#tellNaming('movedFrom', moved, source, cookie);
    this.#tellNaming('movedTo', moved, target, cookie);
  }

  remove(path: string): void {
    const inode = this.require(path, 'unlink', { follow: false });
    this.#names.delete(absolute(path));
    inode.linkCount -= 1;
    inode.ctimeMs = this.#tick();
    this.#tellNaming('deleted', inode, path);
  }

  /** @throws NativeError ENOENT, ELOOP. */
  require(path: string, syscall: string, { follow = true } = {}): FakeInode {
    const inode = this.find(path, { follow });
    if (inode === undefined) throw systemError(syscall, 'ENOENT', { path });
    return inode;
  }

  find(path: string, { follow = true } = {}): FakeInode | undefined {
    let name = absolute(path);
    for (let hops = 0; hops < SYMLINK_HOPS_MAX; hops += 1) {
      const inode = this.#names.get(name);
      if (inode === undefined || !follow || (inode.mode & S_IFMT) !== S_IFLNK) return inode;
      name = absolute(posix.resolve(posix.dirname(name), inode.content.toString()));
    }
    throw systemError('open', 'ELOOP', { path });
  }

  /** A name of `inode`, `hint` if it still is one; undefined when it has none left. */
  nameOf(inode: FakeInode, hint: string): string | undefined {
    if (this.#names.get(absolute(hint)) === inode) return absolute(hint);
    for (const [name, named] of this.#names) if (named === inode) return name;
    return undefined;
  }

  /** The inode of that number, while it has a name. */
  numbered(number: number): FakeInode | undefined {
    for (const inode of this.#names.values()) if (inode.number === number) return inode;
    return undefined;
  }

  /** The directory that holds `path`, for events on its children. */
  parentOf(path: string): FakeInode | undefined {
    return this.#names.get(posix.dirname(absolute(path)));
  }

  /** A new name with a new inode. @throws NativeError ENOENT without its directory, EEXIST when taken. */
  create(path: string, mode: number, uid: number): FakeInode {
    const name = absolute(path);
    if (this.#names.has(name)) throw systemError('open', 'EEXIST', { path });
    if (this.parentOf(name) === undefined) throw systemError('open', 'ENOENT', { path });
    const inode = this.#createInode(mode, uid);
    this.#names.set(name, inode);
    this.#tellNaming('created', inode, name);
    return inode;
  }

  replaceContent(inode: FakeInode, content: Buffer): void {
    inode.content = content;
    inode.mtimeMs = inode.ctimeMs = this.#tick();
    for (const listener of this.#onModified) listener(inode);
  }

  onModified(listener: (inode: FakeInode) => void): void {
    this.#onModified.push(listener);
  }

  onNamed(listener: (naming: FakeNaming) => void): void {
    this.#onNamed.push(listener);
  }

  #tellNaming(kind: FakeNaming['kind'], inode: FakeInode, path: string, cookie = 0): void {
    const naming = { kind, inode, parent: this.parentOf(path), name: posix.basename(absolute(path)), cookie };
    for (const listener of this.#onNamed) listener(naming);
  }

  #createInode(mode: number, uid: number): FakeInode {
    const now = this.#tick();
    const number = this.#nextNumber++;
    const times = { mtimeMs: now, ctimeMs: now };
    return { number, content: Buffer.alloc(0), mode, uid, ...times, linkCount: 1, ...PLAIN_INODE };
  }

  #tick(): number {
    return (this.#nowMs += 1);
  }
}

function absolute(path: string): string {
  if (!posix.isAbsolute(path)) throw new Error(`the fake knows absolute paths only: ${path}`);
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}
