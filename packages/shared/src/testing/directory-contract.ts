import { expect, test } from '@jest/globals';
import { emptyFileStatus } from '../native/files.js';
import { codeOf } from './native-under-test.js';
import type { NativeUnderTest } from './native-under-test.js';

/** The part of the contract about calls relative to an open directory, or by handle; called inside a `describe`. */
export function directoryContract(current: () => NativeUnderTest): void {
  const inodeOf = (path: string): number => {
    const status = emptyFileStatus();
    current().native.files.statusOfPath(path, status);
    return status.inodeLow;
  };

  test('renameNoReplace moves between open directories, whatever they are called by now', () => {
    const { native, directory, makeDirectory, rename, openFile, writeFile } = current();
    for (const name of ['from', 'to']) makeDirectory(`${directory}/${name}`);
    writeFile(`${directory}/from/file`, 'x');
    const inode = inodeOf(`${directory}/from/file`);
    const [from, to] = ['from', 'to'].map((name) => openFile(`${directory}/${name}`, 'read'));
    if (from === undefined || to === undefined) throw new Error('not opened');
    rename(`${directory}/to`, `${directory}/elsewhere`);
    native.files.renameNoReplace(from, 'file', to, 'kept');
    expect(inodeOf(`${directory}/elsewhere/kept`)).toBe(inode);
    expect(codeOf(() => inodeOf(`${directory}/from/file`))).toBe('ENOENT');
    for (const fd of [from, to]) native.files.close(fd);
  });

  test('renameNoReplace never replaces: EEXIST, a dangling link included; ENOENT for what is not there', () => {
    const { native, directory, openFile, symlink, writeFile } = current();
    writeFile(`${directory}/a`, 'a');
    writeFile(`${directory}/b`, 'b');
    symlink('nowhere', `${directory}/link`);
    const before = ['a', 'b'].map((name) => inodeOf(`${directory}/${name}`));
    const fd = openFile(directory, 'read');
    const move = (from: string, to: string): unknown =>
      codeOf(() => {
        native.files.renameNoReplace(fd, from, fd, to);
      });
    expect([move('a', 'b'), move('a', 'link'), move('missing', 'c')]).toEqual(['EEXIST', 'EEXIST', 'ENOENT']);
    expect(['a', 'b'].map((name) => inodeOf(`${directory}/${name}`))).toEqual(before);
    native.files.close(fd);
    expect(move('a', 'c')).toBe('EBADF');
  });

  test('unlinkAt removes a name, a link and not its target, and no directory', () => {
    const { native, directory, makeDirectory, openFile, symlink, writeFile } = current();
    makeDirectory(`${directory}/folder`);
    writeFile(`${directory}/file`, 'x');
    writeFile(`${directory}/target`, 'x');
    symlink('target', `${directory}/link`);
    const fd = openFile(directory, 'read');
    const unlink = (name: string): unknown =>
      codeOf(() => {
        native.files.unlinkAt(fd, name);
      });
    expect(['file', 'link', 'file', 'folder'].map(unlink)).toEqual([
      undefined,
      undefined,
      'ENOENT',
      'EISDIR',
    ]);
    expect(inodeOf(`${directory}/target`)).toBeGreaterThan(0);
    const file = openFile(`${directory}/target`, 'read');
    expect(
      codeOf(() => {
        native.files.unlinkAt(file, 'x');
      }),
    ).toBe('ENOTDIR');
    for (const open of [fd, file]) native.files.close(open);
  });

  test('names are single components: no path, neither . nor .., no NUL, not empty', () => {
    const { native, directory, makeDirectory, openFile, writeFile } = current();
    makeDirectory(`${directory}/folder`);
    writeFile(`${directory}/folder/file`, 'x');
    writeFile(`${directory}/file`, 'x');
    const fd = openFile(directory, 'read');
    const wrong = ['', '.', '..', 'folder/file', `${directory}/file`, 'file\0'];
    for (const name of wrong) {
      expect(
        codeOf(() => {
          native.files.unlinkAt(fd, name);
        }),
      ).toBe('EINVAL');
      expect(
        codeOf(() => {
          native.files.renameNoReplace(fd, name, fd, 'new');
        }),
      ).toBe('EINVAL');
      expect(
        codeOf(() => {
          native.files.renameNoReplace(fd, 'file', fd, name);
        }),
      ).toBe('EINVAL');
    }
    native.files.close(fd);
  });

  test('openByHandle finds a directory again after a rename, and ESTALE once it is gone', () => {
    const { native, directory, makeDirectory, openFile, remove, rename } = current();
    const { files } = native;
    makeDirectory(`${directory}/a`);
    const handle = files.handleOfPath(`${directory}/a`);
    rename(`${directory}/a`, `${directory}/b`);
    const mount = openFile(directory, 'read');
    const found = files.openByHandle(mount, handle);
    expect(files.readLink(`/proc/self/fd/${found}`)).toBe(`${directory}/b`);
    files.close(found);
    remove(`${directory}/b`);
    expect(codeOf(() => files.openByHandle(mount, handle))).toBe('ESTALE');
    files.close(mount);
    expect(codeOf(() => files.openByHandle(mount, handle))).toBe('EBADF');
  });

  test('openByHandle: only directories', () => {
    const { native, directory, openFile, writeFile } = current();
    writeFile(`${directory}/file`, 'x');
    const handle = native.files.handleOfPath(`${directory}/file`);
    const mount = openFile(directory, 'read');
    expect(codeOf(() => native.files.openByHandle(mount, handle))).toBe('ENOTDIR');
    native.files.close(mount);
  });
}
