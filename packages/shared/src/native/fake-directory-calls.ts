import { isComponent } from './directory-calls.js';
import type { FakeDescriptors } from './fake-descriptors.js';
import { isDirectory } from './fake-disk.js';
import type { FakeDisk } from './fake-disk.js';
import { systemError } from './fake-faults.js';
import type { FakeFaults } from './fake-faults.js';
import { FakeFile } from './fake-files.js';
import type { FileApi } from './native-api.js';

interface DirectoryParts {
  readonly descriptors: FakeDescriptors;
  readonly disk: FakeDisk;
  readonly faults: FakeFaults;
}

type DirectoryCalls = 'renameNoReplace' | 'unlinkAt' | 'openByHandle';

/** The calls of FileApi relative to an open directory. The fake has one file system, so EXDEV comes by `failNext` alone. */
export function createFakeDirectoryCalls(parts: DirectoryParts): Pick<FileApi, DirectoryCalls> {
  const { descriptors, disk, faults } = parts;
  /** Where the directory is now, whatever it was called when it was opened. */
  const pathIn = (fd: number, name: string, syscall: string): string => {
    if (!isComponent(name)) throw systemError('path', 'EINVAL', { name });
    const description = descriptors.get(fd, syscall);
    if (!(description instanceof FakeFile) || !isDirectory(description.inode))
      throw systemError(syscall, 'ENOTDIR', { fd });
    const directory = disk.nameOf(description.inode, description.path);
    if (directory === undefined) throw systemError(syscall, 'ENOENT', { fd });
    return `${directory}/${name}`;
  };
  return {
    renameNoReplace(fromDirectoryFd, from, toDirectoryFd, to) {
      faults.pass('renameNoReplace');
      const source = pathIn(fromDirectoryFd, from, 'renameat2');
      const target = pathIn(toDirectoryFd, to, 'renameat2');
      disk.require(source, 'renameat2', { follow: false });
      if (disk.find(target, { follow: false }) !== undefined)
        throw systemError('renameat2', 'EEXIST', { from, to });
      disk.rename(source, target);
    },
    unlinkAt(directoryFd, name) {
      faults.pass('unlinkAt');
      const path = pathIn(directoryFd, name, 'unlinkat');
      if (isDirectory(disk.require(path, 'unlinkat', { follow: false })))
        throw systemError('unlinkat', 'EISDIR', { name });
      disk.remove(path);
    },
    openByHandle(mountFd, { bytes }) {
      faults.pass('openByHandle');
      descriptors.get(mountFd, 'open_by_handle_at');
      const inode = bytes.length === 8 ? disk.numbered(bytes.readUInt32LE(0)) : undefined;
      const path = inode && disk.nameOf(inode, '/');
      if (inode === undefined || path === undefined)
        throw systemError('open_by_handle_at', 'ESTALE', { mountFd });
      if (!isDirectory(inode)) throw systemError('open_by_handle_at', 'ENOTDIR', { mountFd });
      return descriptors.install(new FakeFile(inode, path, 'read'), 'open_by_handle_at');
    },
  };
}
