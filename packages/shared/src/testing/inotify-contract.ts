import { expect, test } from '@jest/globals';
import {
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_IGNORED,
  IN_ISDIR,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_MOVE_SELF,
  IN_ONLYDIR,
} from '../native/constants.js';
import { WOULD_BLOCK } from '../native/native-api.js';
import { codeOf } from './native-under-test.js';
import type { NativeUnderTest } from './native-under-test.js';

const NAMES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
const SELF = IN_DELETE_SELF | IN_MOVE_SELF;

/** The part of the contract about inotify; called inside a `describe`. */
export function inotifyContract(current: () => NativeUnderTest): void {
  /** Everything that waits, as [watch, mask, name, cookie]. */
  const readAll = (fd: number): [number, number, string, number][] => {
    const into = Buffer.alloc(4_096);
    const got = current().native.files.read(fd, into);
    const told: [number, number, string, number][] = [];
    for (let at = 0; at < got; at += 16 + into.readUInt32LE(at + 12)) {
      const name = into.toString('utf8', at + 16, at + 16 + into.readUInt32LE(at + 12)).replaceAll('\0', '');
      told.push([into.readInt32LE(at), into.readUInt32LE(at + 4), name, into.readUInt32LE(at + 8)]);
    }
    return told;
  };

  test('inotify: names that come, move and go are told with their watch', () => {
    const { native, directory, makeDirectory, rename, remove, writeFile } = current();
    makeDirectory(`${directory}/there`);
    const fd = native.inotify.create();
    expect(native.files.read(fd, Buffer.alloc(64))).toBe(WOULD_BLOCK);
    const [here, there] = [directory, `${directory}/there`].map((path) =>
      native.inotify.addWatch(fd, path, NAMES | SELF),
    );
    expect(native.inotify.addWatch(fd, directory, NAMES | SELF)).toBe(here);
    makeDirectory(`${directory}/new`);
    writeFile(`${directory}/a-name-of-more-than-sixteen-bytes`, 'x');
    rename(`${directory}/new`, `${directory}/there/moved`);
    remove(`${directory}/there/moved`);
    const told = readAll(fd);
    const cookie = told[2]?.[3];
    expect(cookie).toBeGreaterThan(0);
    expect(told).toEqual([
      [here, IN_CREATE | IN_ISDIR, 'new', 0],
      [here, IN_CREATE, 'a-name-of-more-than-sixteen-bytes', 0],
      [here, IN_MOVED_FROM | IN_ISDIR, 'new', cookie],
      [there, IN_MOVED_TO | IN_ISDIR, 'moved', cookie],
      [there, IN_DELETE | IN_ISDIR, 'moved', 0],
    ]);
    native.files.close(fd);
  });

  test('inotify: a watched directory that goes takes its watch along, and removeWatch says IN_IGNORED', () => {
    const { native, directory, makeDirectory, rename, remove } = current();
    makeDirectory(`${directory}/a`);
    const fd = native.inotify.create();
    const watch = native.inotify.addWatch(fd, `${directory}/a`, SELF);
    rename(`${directory}/a`, `${directory}/b`);
    remove(`${directory}/b`);
    expect(readAll(fd)).toEqual([
      [watch, IN_MOVE_SELF, '', 0],
      [watch, IN_DELETE_SELF, '', 0],
      [watch, IN_IGNORED, '', 0],
    ]);
    const other = native.inotify.addWatch(fd, directory, NAMES);
    expect(other).not.toBe(watch);
    native.inotify.removeWatch(fd, other);
    expect(readAll(fd)).toEqual([[other, IN_IGNORED, '', 0]]);
    makeDirectory(`${directory}/unseen`);
    expect(native.files.read(fd, Buffer.alloc(64))).toBe(WOULD_BLOCK);
    native.files.close(fd);
  });

  test('inotify: what cannot be watched is refused, a record that does not fit is EINVAL and stays', () => {
    const { native, directory, writeFile } = current();
    const { inotify, files } = native;
    const fd = inotify.create();
    writeFile(`${directory}/file`, 'x');
    const plain = native.sockets.createUnix();
    expect([
      codeOf(() => inotify.addWatch(fd, `${directory}/missing`, NAMES)),
      codeOf(() => inotify.addWatch(fd, `${directory}/file`, NAMES)),
      codeOf(() => inotify.addWatch(fd, directory, 0)),
      codeOf(() => inotify.addWatch(fd, 'a\0b', NAMES)),
      codeOf(() => inotify.addWatch(plain, directory, NAMES)),
      codeOf(() => {
        inotify.removeWatch(fd, 99);
      }),
    ]).toEqual(['ENOENT', 'ENOTDIR', 'EINVAL', expect.anything(), 'EINVAL', 'EINVAL']);
    const watch = inotify.addWatch(fd, directory, NAMES);
    writeFile(`${directory}/second`, 'x');
    expect(codeOf(() => files.read(fd, Buffer.alloc(20)))).toBe('EINVAL');
    expect(readAll(fd)).toEqual([[watch, IN_CREATE, 'second', 0]]);
    for (const open of [fd, plain]) files.close(open);
    expect(codeOf(() => inotify.addWatch(fd, directory, NAMES))).toBe('EBADF');
  });
}
