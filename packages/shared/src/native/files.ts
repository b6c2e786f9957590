import { createDirectoryCalls } from './directory-calls.js';
import { addressOf, failedCall, cPath, lastErrno } from './libc.js';
import type { Libc } from './libc.js';
import { NativeError } from './native-error.js';
import { WOULD_BLOCK } from './native-api.js';
import type { FileApi, FileHandle, FileStatus } from './native-api.js';
import { decodePath } from './path-bytes.js';

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_BASIC_STATS = 0x7ff;
/** Linux 6.8. */
const STATX_MNT_ID_UNIQUE = 0x4000;
const STATX_WANTED = STATX_BASIC_STATS | STATX_MNT_ID_UNIQUE;
const STATX_SIZE_BYTES = 256;
/** struct statfs on 64-bit platforms has 120. */
const STATFS_SIZE_BYTES = 256;
const MAX_HANDLE_SZ = 128;
const PATH_MAX = 4096;
const EBADF = 9;
const EAGAIN = 11;
const F_GETFL = 3;
const O_PATH = 0o10000000;
const EACCES = 13;
const EINVAL = 22;
const EOPNOTSUPP = 95;
const IOVEC_BYTES = 16;
const RWF_NOWAIT = 8;
/** linux/fcntl.h; struct flock's pid has to be 0 with it. */
const F_OFD_SETLK = 37;
const F_WRLCK = 1;
const STRUCT_FLOCK_BYTES = 32;
/** linux/memfd.h */
const MFD_CLOEXEC = 1;
const MFD_NOEXEC_SEAL = 8;

export function createFileApi(libc: Libc): FileApi {
  // One result record a thread: each call decodes it before the next one can overwrite it.
  const record = Buffer.alloc(STATX_SIZE_BYTES);
  const filesystem = Buffer.alloc(STATFS_SIZE_BYTES);
  const emptyPath = Buffer.alloc(1);
  const link = Buffer.alloc(PATH_MAX);
  const writeLock = wholeFileLock();
  return {
    ...createReadCalls(libc),
    ...createDirectoryCalls(libc),
    close(fd) {
      if (libc.close(fd) === 0) return;
      // Other errors are about data that was to be written; we only read, and the descriptor is gone all the same.
      const errno = lastErrno();
      if (errno === EBADF) throw new NativeError('close', errno, { fd });
    },
    status(fd, into) {
      if (libc.statx(fd, emptyPath, AT_EMPTY_PATH, STATX_WANTED, record) !== 0) failedCall('statx', { fd });
      decodeStatx(record, into);
    },
    filesystemType(fd) {
      if (libc.fstatfs(fd, filesystem) !== 0) failedCall('fstatfs', { fd });
      return filesystem.readUInt32LE(0);
    },
    statusOfPath(path, into) {
      if (libc.statx(AT_FDCWD, cPath(path), AT_SYMLINK_NOFOLLOW, STATX_WANTED, record) !== 0) {
        failedCall('statx', { path });
      }
      decodeStatx(record, into);
    },
    readLink(path) {
      const length = libc.readlink(cPath(path), link, link.length);
      return length >= 0 ? decodePath(link.subarray(0, length)) : failedCall('readlink', { path });
    },
    handleOfPath: (path) => handleOfPath(libc, path),
    accessMode(fd) {
      const flags = libc.fcntl(fd, F_GETFL, 0);
      if (flags < 0) failedCall('fcntl', { fd });
      if ((flags & O_PATH) !== 0) return 'pathOnly';
      return (['read', 'write', 'readWrite', 'write'] as const)[flags & 3] ?? 'write';
    },
    lockForWriting(fd) {
      if (libc.fcntlPointer(fd, F_OFD_SETLK, writeLock) === 0) return 'locked';
      const errno = lastErrno();
      if (errno === EACCES || errno === EAGAIN) return 'heldByOther';
      throw new NativeError('fcntl', errno, { fd });
    },
    duplicateOnto(fd, onto) {
      if (libc.dup2(fd, onto) < 0) failedCall('dup2', { fd, onto });
    },
    createMemoryFile: (name) => createMemoryFile(libc, name),
  };
}

function createReadCalls(libc: Libc): Pick<FileApi, 'read' | 'readAt' | 'readAtIfCached'> {
  const iovec = Buffer.alloc(IOVEC_BYTES);
  return {
    read(fd, into) {
      const got = libc.read(fd, into, into.byteLength);
      if (got >= 0) return got;
      if (lastErrno() === EAGAIN) return WOULD_BLOCK;
      return failedCall('read');
    },
    readAt(fd, into, offset) {
      const got = libc.pread(fd, into, into.byteLength, offset);
      return got >= 0 ? got : failedCall('pread', { offset });
    },
    readAtIfCached(fd, into, offset) {
      // To preadv2 an offset of -1 means the shared one, which it would move.
      if (offset < 0) throw new NativeError('preadv2', EINVAL, { offset });
      iovec.writeBigUInt64LE(addressOf(into), 0);
      iovec.writeUInt32LE(into.byteLength, 8);
      const got = libc.preadv2(fd, iovec, 1, offset, RWF_NOWAIT);
      if (got >= 0) return got;
      const errno = lastErrno();
      if (errno === EAGAIN || errno === EOPNOTSUPP) return WOULD_BLOCK;
      throw new NativeError('preadv2', errno, { offset });
    },
  };
}

/** An empty record to hand to {@link FileApi.status}. */
export function emptyFileStatus(): FileStatus {
  return {
    devMajor: 0,
    devMinor: 0,
    inodeHigh: 0,
    inodeLow: 0,
    sizeBytes: 0,
    mtimeSeconds: 0,
    mtimeNs: 0,
    ctimeSeconds: 0,
    ctimeNs: 0,
    mode: 0,
    uid: 0,
    linkCount: 0,
    mountId: 0,
  };
}

/** struct flock: i16 type, i16 whence, i64 start at 8, i64 length at 16 (0: to the end), i32 pid. */
function wholeFileLock(): Buffer {
  const lock = Buffer.alloc(STRUCT_FLOCK_BYTES);
  lock.writeInt16LE(F_WRLCK, 0);
  return lock;
}

/** Offsets of struct statx, linux/stat.h. */
function decodeStatx(record: Buffer, into: FileStatus): void {
  into.linkCount = record.readUInt32LE(16);
  into.uid = record.readUInt32LE(20);
  into.mode = record.readUInt16LE(28);
  into.inodeLow = record.readUInt32LE(32);
  into.inodeHigh = record.readUInt32LE(36);
  into.sizeBytes = record.readUInt32LE(40) + record.readUInt32LE(44) * 0x1_0000_0000;
  into.ctimeSeconds = record.readUInt32LE(96) + record.readInt32LE(100) * 0x1_0000_0000;
  into.ctimeNs = record.readUInt32LE(104);
  into.mtimeSeconds = record.readUInt32LE(112) + record.readInt32LE(116) * 0x1_0000_0000;
  into.mtimeNs = record.readUInt32LE(120);
  into.devMajor = record.readUInt32LE(136);
  into.devMinor = record.readUInt32LE(140);
  const isUnique = (record.readUInt32LE(0) & STATX_MNT_ID_UNIQUE) !== 0;
  into.mountId = isUnique ? record.readUInt32LE(144) + record.readUInt32LE(148) * 0x1_0000_0000 : 0;
}

/** EINVAL is what a kernel before 6.3 says to the second flag, and any kernel to a bad name. */
function createMemoryFile(libc: Libc, name: string): number {
  const bytes = cPath(name);
  const sealed = libc.memfdCreate(bytes, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
  if (sealed >= 0) return sealed;
  const errno = lastErrno();
  if (errno !== EINVAL) throw new NativeError('memfd_create', errno, { name });
  const fd = libc.memfdCreate(bytes, MFD_CLOEXEC);
  return fd >= 0 ? fd : failedCall('memfd_create', { name });
}

/** struct file_handle: u32 length, i32 type, then the bytes. */
function handleOfPath(libc: Libc, path: string): FileHandle {
  const handle = Buffer.alloc(8 + MAX_HANDLE_SZ);
  handle.writeUInt32LE(MAX_HANDLE_SZ, 0);
  const mountId = Buffer.alloc(4);
  if (libc.nameToHandleAt(AT_FDCWD, cPath(path), handle, mountId, 0) !== 0)
    failedCall('name_to_handle_at', { path });
  const length = Math.min(handle.readUInt32LE(0), MAX_HANDLE_SZ);
  return { type: handle.readInt32LE(4), bytes: Buffer.from(handle.subarray(8, 8 + length)) };
}
