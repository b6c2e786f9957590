import { failedCall } from './libc.js';
import type { Libc } from './libc.js';
import type { FileApi } from './native-api.js';
import { NativeError } from './native-error.js';
import { encodePath } from './path-bytes.js';

const EINVAL = 22;
const RENAME_NOREPLACE = 1;
/** O_CLOEXEC | O_NONBLOCK | O_DIRECTORY; asm/fcntl.h: arm64 numbers the last one differently. */
const O_DIRECTORY = process.arch === 'arm64' ? 0o40000 : 0o200000;
const OPEN_BY_HANDLE_FLAGS = 0o2000000 | 0o4000 | O_DIRECTORY;
const HANDLE_BYTES_MAX = 128;

type DirectoryCalls = 'renameNoReplace' | 'unlinkAt' | 'openByHandle';

/** The calls of {@link FileApi} that work relative to an open directory, or without any name. */
export function createDirectoryCalls(libc: Libc): Pick<FileApi, DirectoryCalls> {
  return {
    renameNoReplace(fromDirectoryFd, from, toDirectoryFd, to) {
      const [source, target] = [component(from), component(to)];
      if (libc.renameat2(fromDirectoryFd, source, toDirectoryFd, target, RENAME_NOREPLACE) !== 0)
        failedCall('renameat2', { from, to });
    },
    unlinkAt(directoryFd, name) {
      if (libc.unlinkat(directoryFd, component(name), 0) !== 0) failedCall('unlinkat', { name });
    },
    openByHandle(mountFd, { type, bytes }) {
      if (bytes.length > HANDLE_BYTES_MAX)
        throw new NativeError('open_by_handle_at', EINVAL, { handleBytes: bytes.length });
      const handle = Buffer.alloc(8 + bytes.length); // struct file_handle: u32 length, i32 type, then the bytes.
      handle.writeUInt32LE(bytes.length, 0);
      handle.writeInt32LE(type, 4);
      bytes.copy(handle, 8);
      const fd = libc.openByHandleAt(mountFd, handle, OPEN_BY_HANDLE_FLAGS);
      return fd >= 0 ? fd : failedCall('open_by_handle_at', { mountFd });
    },
  };
}

/**
 * One name as the kernel takes it. A path of several would be looked up through whatever lies there, links included.
 *
 * @throws NativeError EINVAL
 */
export function component(name: string): Buffer {
  if (isComponent(name)) return encodePath(`${name}\0`);
  throw new NativeError('path', EINVAL, { name });
}

/** Whether it names an entry of a directory: not empty, no '/' or NUL in it, neither '.' nor '..'. */
export function isComponent(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
}
