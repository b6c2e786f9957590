import {
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { nativeContract } from '../testing/native-contract.js';
import { codeOf } from '../testing/native-under-test.js';
import type { NativeUnderTest } from '../testing/native-under-test.js';
import { isTempDirPath, makeTempDir } from '../testing/temp-dir.js';
import { openNative } from './open-native.js';

const O_PATH = 0o10000000;
const FLAGS = {
  read: constants.O_RDONLY,
  write: constants.O_WRONLY,
  readWrite: constants.O_RDWR,
  pathOnly: O_PATH,
} as const;

nativeContract('openNative', createReal);

function createReal(): NativeUnderTest {
  const directory = makeTempDir();
  const [uid, gid] = [process.getuid?.() ?? -1, process.getgid?.() ?? -1];
  return {
    native: openNative(),
    directory: directory.path,
    identity: { pid: process.pid, uid, gid },
    writeFile: (path, content) => {
      writeFileSync(path, content);
    },
    symlink: (target, path) => {
      symlinkSync(target, path);
    },
    openFile: (path, access) => openSync(path, FLAGS[access]),
    countOpenFds: () => readdirSync('/proc/self/fd').length,
    dispose: () => {
      directory.remove();
    },
  };
}

describe('openNative', () => {
  test('openNative: a path with a NUL in it is EINVAL and reaches no system call', () => {
    const { files } = openNative();
    expect(codeOf(() => files.handleOfPath('/etc\0/passwd'))).toBe('EINVAL');
  });

  test('openNative: descriptors it makes are closed in a child that is executed', () => {
    const { sockets, files } = openNative();
    const fd = sockets.createUnix();
    const flags = Number.parseInt(
      /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0',
      8,
    );
    expect(flags & 0o2000000).toBe(0o2000000);
    files.close(fd);
  });
});

describe('makeTempDir', () => {
  test('remove: deletes the directory with what is in it, and a second time does nothing', () => {
    const made = makeTempDir('gone-');
    mkdirSync(`${made.path}/deep`);
    writeFileSync(`${made.path}/deep/file`, '');
    made.remove();
    expect(codeOf(() => readdirSync(made.path))).toBe('ENOENT');
    made.remove();
  });

  test('remove: refuses a link that took the name, and leaves what it points at alone', () => {
    const [kept, made] = [makeTempDir('kept-'), makeTempDir()];
    writeFileSync(`${kept.path}/file`, '');
    made.remove();
    symlinkSync(kept.path, made.path);
    expect(() => {
      made.remove();
    }).toThrow(/not a directory/);
    expect(readdirSync(kept.path)).toEqual(['file']);
    unlinkSync(made.path);
    kept.remove();
  });

  // Only the check is asked here: with it broken, remove() itself would do the damage.
  test('isTempDirPath: true for its own spelling of a path alone', () => {
    const made = makeTempDir();
    const { path } = made;
    const others = [
      '',
      '.',
      '/',
      '/tmp',
      '/tmp/',
      '/etc',
      `${path}/`,
      `${path}/..`,
      `${path}/portcullis-test-abcdef`,
    ];
    expect(isTempDirPath(path)).toBe(true);
    expect(others.filter(isTempDirPath)).toEqual([]);
    expect(isTempDirPath(path.slice(0, -1))).toBe(false);
    made.remove();
  });
});
