import { systemError } from './fake-faults.js';
import type { FakeFaults } from './fake-faults.js';
import type { FakeDescriptors, FakeReadiness, OpenDescription } from './fake-descriptors.js';
import { S_IFMT } from './constants.js';
import { isDirectory, S_IFLNK } from './fake-disk.js';
import type { FakeDisk, FakeInode } from './fake-disk.js';
import { FakeRecords } from './fake-records.js';
import { FakeSocket } from './fake-socket.js';
import { WOULD_BLOCK } from './native-api.js';
import type { FileApi, FileStatus } from './native-api.js';

export type FakeAccess = ReturnType<FileApi['accessMode']>;

/** An open file or directory; counts itself among the inode's writers. */
export class FakeFile implements OpenDescription {
  references = 0;
  readonly pollable = false;
  readonly inode: FakeInode;
  readonly access: FakeAccess;
  /** The shared offset, in bytes. */
  offset = 0;
  /** The name it was opened by. */
  readonly path: string;
  readonly #onReleased: (() => void)[];

  constructor(inode: FakeInode, path: string, access: FakeAccess, onReleased: () => void = () => undefined) {
    this.inode = inode;
    this.path = path;
    this.access = access;
    this.#onReleased = [onReleased];
    if (this.writable) inode.writers += 1;
  }

  get writable(): boolean {
    return this.access === 'write' || this.access === 'readWrite';
  }

  readiness(): FakeReadiness {
    return { readable: true, writable: true, failed: false };
  }

  released(): void {
    if (this.writable) this.inode.writers -= 1;
    if (this.inode.lockHolder === this) this.inode.lockHolder = undefined;
    for (const listener of this.#onReleased) listener();
  }

  /** What ends with the open file description. */
  onReleased(listener: () => void): void {
    this.#onReleased.push(listener);
  }
}

const OWN_FD_LINK = /^\/proc\/self\/fd\/(\d+)$/;

interface FileParts {
  readonly descriptors: FakeDescriptors;
  readonly disk: FakeDisk;
  readonly faults: FakeFaults;
}

type DirectoryCalls = 'renameNoReplace' | 'unlinkAt' | 'openByHandle';

export function createFakeFiles(parts: FileParts): Omit<FileApi, DirectoryCalls> {
  const { descriptors, disk, faults } = parts;
  /** What proc_pid_fd(5) shows. */
  const nameOfFd = (fd: number, link: string): string => {
    const description = descriptors.find(fd);
    if (description === undefined) throw systemError('readlink', 'ENOENT', { path: link });
    if (!(description instanceof FakeFile))
      return description instanceof FakeSocket ? 'socket:[1]' : 'anon_inode:[other]';
    return disk.nameOf(description.inode, description.path) ?? `${description.path} (deleted)`;
  };
  return {
    ...createReadCalls(parts),
    close: (fd) => {
      descriptors.close(fd);
    },
    status(fd, into) {
      faults.pass('status');
      const description = descriptors.get(fd, 'statx');
      if (!(description instanceof FakeFile)) throw systemError('statx', 'EINVAL', { fd });
      fillStatus(description.inode, into);
    },
    filesystemType(fd) {
      faults.pass('filesystemType');
      const description = descriptors.get(fd, 'fstatfs');
      if (!(description instanceof FakeFile)) throw systemError('fstatfs', 'EINVAL', { fd });
      return description.inode.filesystemType;
    },
    statusOfPath(path, into) {
      faults.pass('statusOfPath');
      fillStatus(disk.require(path, 'statx', { follow: false }), into);
    },
    readLink(path) {
      faults.pass('readLink');
      const ownFd = OWN_FD_LINK.exec(path)?.[1];
      return ownFd === undefined ? readSymlink(disk, path) : nameOfFd(Number(ownFd), path);
    },
    handleOfPath(path) {
      faults.pass('handleOfPath');
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32LE(disk.require(path, 'name_to_handle_at', { follow: false }).number, 0);
      return { type: 1, bytes };
    },
    ...createDescriptorCalls(parts),
    createMemoryFile() {
      faults.pass('createMemoryFile');
      throw systemError('memfd_create', 'ENOSYS');
    },
  };
}

type ReadCall = 'read' | 'readAt' | 'readAtIfCached';

function createReadCalls({ descriptors, faults }: FileParts): Pick<FileApi, ReadCall> {
  return {
    read(fd, into) {
      if (faults.wouldBlock('read')) return WOULD_BLOCK;
      const description = descriptors.get(fd, 'read');
      if (description instanceof FakeSocket) return readStream(description, into);
      if (description instanceof FakeRecords) return description.read(into);
      const file = readableFile(description, 'read');
      const got = copyFrom(file.inode.content, into, file.offset);
      file.offset += got;
      return got;
    },
    readAt(fd, into, offset) {
      faults.pass('readAt');
      const description = descriptors.get(fd, 'pread');
      if (offset < 0) throw systemError('pread', 'EINVAL', { offset });
      if (description instanceof FakeSocket) throw systemError('pread', 'ESPIPE', { offset });
      return copyFrom(readableFile(description, 'pread').inode.content, into, offset);
    },
    readAtIfCached(fd, into, offset) {
      if (faults.wouldBlock('readAtIfCached')) return WOULD_BLOCK;
      const description = descriptors.get(fd, 'preadv2');
      if (offset < 0) throw systemError('preadv2', 'EINVAL', { offset });
      if (description instanceof FakeSocket) throw systemError('preadv2', 'ESPIPE', { offset });
      const { content, cachedBytes } = readableFile(description, 'preadv2').inode;
      if (offset >= cachedBytes && offset < content.length) return WOULD_BLOCK;
      return copyFrom(content.subarray(0, Math.max(offset, cachedBytes)), into, offset);
    },
  };
}

type DescriptorCall = 'accessMode' | 'lockForWriting' | 'duplicateOnto';

function createDescriptorCalls({ descriptors, faults }: FileParts): Pick<FileApi, DescriptorCall> {
  return {
    accessMode(fd) {
      faults.pass('accessMode');
      const description = descriptors.get(fd, 'fcntl');
      return description instanceof FakeFile ? description.access : 'readWrite';
    },
    lockForWriting(fd) {
      faults.pass('lockForWriting');
      const description = descriptors.get(fd, 'fcntl');
      if (!(description instanceof FakeFile) || !description.writable)
        throw systemError('fcntl', 'EBADF', { fd });
      const { inode } = description;
      inode.lockHolder ??= description;
      return inode.lockHolder === description ? 'locked' : 'heldByOther';
    },
    duplicateOnto(fd, onto) {
      faults.pass('duplicateOnto');
      descriptors.duplicate(fd, onto);
    },
  };
}

function readSymlink(disk: FakeDisk, path: string): string {
  const inode = disk.require(path, 'readlink', { follow: false });
  if ((inode.mode & S_IFMT) !== S_IFLNK) throw systemError('readlink', 'EINVAL', { path });
  return inode.content.toString();
}

/** read(2) of a stream socket: descriptors that come with the bytes are lost. */
function readStream(socket: FakeSocket, into: Uint8Array): number {
  const received = socket.receive('read', into.byteLength);
  if (received === undefined) return WOULD_BLOCK;
  into.set(received.bytes, 0);
  socket.discard(received.passed);
  return received.bytes.length;
}

function readableFile(description: OpenDescription, syscall: string): FakeFile {
  if (!(description instanceof FakeFile)) throw systemError(syscall, 'EINVAL');
  if (description.access === 'write' || description.access === 'pathOnly')
    throw systemError(syscall, 'EBADF');
  if (isDirectory(description.inode)) throw systemError(syscall, 'EISDIR');
  return description;
}

function copyFrom(content: Buffer, into: Uint8Array, offset: number): number {
  const part = content.subarray(offset, offset + into.byteLength);
  into.set(part, 0);
  return part.length;
}

function fillStatus(inode: FakeInode, into: FileStatus): void {
  into.devMajor = 253;
  into.devMinor = 0;
  into.inodeHigh = 0;
  into.inodeLow = inode.number;
  into.sizeBytes = inode.content.length;
  into.mtimeSeconds = Math.floor(inode.mtimeMs / 1_000);
  into.mtimeNs = (inode.mtimeMs % 1_000) * 1_000_000;
  into.ctimeSeconds = Math.floor(inode.ctimeMs / 1_000);
  into.ctimeNs = (inode.ctimeMs % 1_000) * 1_000_000;
  into.mode = inode.mode;
  into.uid = inode.uid;
  into.linkCount = inode.linkCount;
  into.mountId = inode.mountId;
}
