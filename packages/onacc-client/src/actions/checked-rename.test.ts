import {
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { NativeError, openNative } from '@portcullis/shared/native';
import { makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { putBack, renameExclusively, takeAway } from './checked-rename.js';
import type { RenameApi } from './checked-rename.js';
import { entryPath, openPlace } from './entry.js';
import type { Entry, InodeId } from './entry.js';

const native = openNative().files;
/** As on a filesystem that cannot rename without replacing: renameat2(2), EINVAL. */
const incapable: RenameApi = {
  renameNoReplace: () => {
    throw new NativeError('renameat2', 22);
  },
};

let temp: TempDir;
let directoryFd: number;
beforeEach(() => {
  temp = makeTempDir('rename-');
  directoryFd = openPlace(temp.path);
});
afterEach(() => {
  closeSync(directoryFd);
  temp.remove();
});

function entry(name: string | Buffer): Entry {
  return { directoryFd, name: Buffer.from(name) };
}

function write(name: string | Buffer, content = String(name)): Entry {
  writeFileSync(entryPath(entry(name)), content);
  return entry(name);
}

function inode(of: Entry): InodeId {
  return lstatSync(entryPath(of), { bigint: true });
}

/** name → content. */
function all(): Record<string, string> {
  return Object.fromEntries(
    readdirSync(temp.path).map((name) => [name, readFileSync(`${temp.path}/${name}`, 'utf8')]),
  );
}

describe.each([
  ['with renameat2', native],
  ['without it', incapable],
])('takeAway %s', (_, renames) => {
  test('takes the file that was meant', () => {
    const x = write('x');
    expect(takeAway(x, entry('private'), inode(x), renames)).toBe('taken');
    expect(all()).toEqual({ private: 'x' });
  });

  test('gives another file its name back, as if nothing had been', () => {
    const meant = inode(write('meant'));
    const other = write('x', 'other');
    expect(takeAway(other, entry('private'), meant, renames)).toBe('changed');
    expect(all()).toEqual({ meant: 'meant', x: 'other' });
  });

  test('gives a directory and a symbolic link their names back, too', () => {
    const meant = inode(write('meant'));
    mkdirSync(`${temp.path}/directory`);
    symlinkSync('meant', `${temp.path}/link`);
    for (const name of ['directory', 'link']) {
      expect(takeAway(entry(name), entry('private'), meant, renames)).toBe('changed');
    }
    expect(readdirSync(temp.path).sort()).toEqual(['directory', 'link', 'meant']);
    expect(lstatSync(`${temp.path}/link`).isSymbolicLink()).toBe(true);
  });

  test('takes nothing where nothing is', () => {
    expect(takeAway(entry('x'), entry('private'), { dev: 0n, ino: 0n }, renames)).toBe('changed');
    expect(all()).toEqual({});
  });
});

describe.each([
  ['with renameat2', native],
  ['without it', incapable],
])('renameExclusively %s', (_, renames) => {
  test.each(['y', Buffer.from([0x79, 0xff])])('replaces nothing', (name) => {
    const [x, y] = [write('x'), write(name, 'y')];
    expect(() => {
      renameExclusively(x, y, renames);
    }).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(readFileSync(entryPath(x), 'utf8') + readFileSync(entryPath(y), 'utf8')).toBe('xy');
  });

  test('renames to names that are no UTF-8', () => {
    const to = entry(Buffer.from([0xff, 0x0a]));
    renameExclusively(write('x'), to, renames);
    expect(readdirSync(temp.path, { encoding: 'buffer' })).toEqual([to.name]);
  });
});

describe('putBack', () => {
  test('puts a file aside whose name somebody has taken meanwhile, and loses neither', () => {
    write('x', 'new');
    putBack(write('private', 'stranger'), entry('x'), native);
    const names = readdirSync(temp.path).sort();
    expect(names).toEqual(['x', expect.stringMatching(/^x\.[0-9a-f]{32}$/)]);
    expect(Object.values(all()).sort()).toEqual(['new', 'stranger']);
  });

  test('says where a file is that could not be put anywhere', () => {
    const stuck = write('private');
    const nowhere = { directoryFd: openPlace('/proc'), name: Buffer.from('x') };
    try {
      expect(() => {
        putBack(stuck, nowhere, native);
      }).toThrow(
        expect.objectContaining({
          code: 'CHANGED',
          message: expect.stringContaining(`${temp.path}/private`),
        }),
      );
    } finally {
      closeSync(nowhere.directoryFd);
    }
    expect(all()).toEqual({ private: 'private' });
  });

  test('a hard link of the same inode in the way is a name like any other', () => {
    const x = write('x');
    linkSync(entryPath(x), entryPath(entry('y')));
    expect(() => {
      renameExclusively(x, entry('y'), native);
    }).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  });
});
