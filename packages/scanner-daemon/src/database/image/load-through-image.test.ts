import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseCompiler } from '../compile/compile.js';
import type { DatabaseFile, LoadedBuiltinDatabase } from '../loaded-database.js';
import { imageDirectoryPath, imagePath, openImageDirectory, tidyImages } from './image-directory.js';
import { imageKey } from './image-format.js';
import { loadThroughImage } from './load-through-image.js';

const KEY = imageKey(['a']);
const FILES = [{ path: '/db/a.ndb', mtimeMs: 7, sizeBytes: 3 }];

let parent: string;
let directory: string;
let loads: number;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'images-'));
  directory = join(parent, 'cache', 'portcullis');
  loads = 0;
});

afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

// A real database, though an empty one: what the compiler makes must fit into an image.
const DATABASE: LoadedBuiltinDatabase = {
  compiled: new DatabaseCompiler().finish(),
  signatureCount: 0,
  unsupported: { bytecode: 2 },
  files: FILES,
  version: 27_123,
};

function loadFrom(
  where: string | undefined,
  formatVersion = 1,
  files: readonly DatabaseFile[] = FILES,
): ReturnType<typeof loadThroughImage> {
  const load = (): Promise<LoadedBuiltinDatabase> => {
    loads++;
    return Promise.resolve(DATABASE);
  };
  return loadThroughImage({ directory: where, key: KEY, formatVersion, files, load });
}

describe('loading through an image', () => {
  test('compiles once and reads the image from then on, with the times of the files as they are now', async () => {
    const first = await loadFrom(directory);
    expect(first).toMatchObject({ from: 'sources', noImage: { kind: 'absent' } });
    expect(await first.save()).toBeUndefined();
    const touched = FILES.map((file) => ({ ...file, mtimeMs: 8 }));
    const second = await loadFrom(directory, 1, touched);
    expect(second).toMatchObject({ from: 'image' });
    expect(second.loaded).toEqual({ ...DATABASE, files: touched });
    expect(await second.save()).toBeUndefined();
    expect(loads).toBe(1);
  });

  test('compiles again where the image is stale or damaged, and mends it', async () => {
    await (await loadFrom(directory)).save();
    const newer = await loadFrom(directory, 2);
    expect(newer).toMatchObject({ from: 'sources', noImage: { kind: 'stale' } });
    await newer.save();
    const path = imagePath(directory, KEY);
    const bytes = await readFile(path);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path, bytes);
    const mended = await loadFrom(directory, 2);
    expect(mended).toMatchObject({ from: 'sources', noImage: { kind: 'damaged' } });
    await mended.save();
    expect(await loadFrom(directory, 2)).toMatchObject({ from: 'image' });
  });

  test('keeps no image of sources that changed between the digest and the loading', async () => {
    const first = await loadFrom(directory, 1, [{ path: '/db/a.ndb', mtimeMs: 6, sizeBytes: 3 }]);
    expect(first.loaded).toBe(DATABASE);
    expect(await first.save()).toBeUndefined();
    expect(await loadFrom(directory)).toMatchObject({ from: 'sources', noImage: { kind: 'absent' } });
  });

  test('goes on without images: where there shall be none, and with one line where none can be kept', async () => {
    const without = await loadFrom(undefined);
    expect(without).toMatchObject({ from: 'sources', loaded: DATABASE });
    expect(await without.save()).toBeUndefined();
    await writeFile(join(parent, 'cache'), '');
    const refused = await loadFrom(directory);
    expect(refused.loaded).toBe(DATABASE);
    expect(await refused.save()).toMatch(/^No image of the database is kept: .*Not a directory$/);
  });
});

describe('the directory of images', () => {
  test('is what is set, then what systemd made, then that of the account', () => {
    const none = { setting: undefined, systemdCache: undefined, xdgCacheHome: undefined, home: undefined };
    expect(imageDirectoryPath(none)).toBeUndefined();
    expect(imageDirectoryPath({ ...none, home: '/root' })).toBe('/root/.cache/portcullis');
    expect(imageDirectoryPath({ ...none, home: '/root', xdgCacheHome: '/c' })).toBe('/c/portcullis');
    expect(imageDirectoryPath({ ...none, home: '/root', xdgCacheHome: 'c' })).toBe('/root/.cache/portcullis');
    expect(imageDirectoryPath({ ...none, xdgCacheHome: '/c', systemdCache: '/s:/t' })).toBe('/s');
    expect(imageDirectoryPath({ ...none, home: '/root', setting: '/x' })).toBe('/x');
    expect(imageDirectoryPath({ ...none, home: '/root', setting: 'no' })).toBeUndefined();
  });

  test('is refused where others can write it', async () => {
    expect(await openImageDirectory(directory)).toEqual({ kind: 'open', path: directory });
    await chmod(directory, 0o777);
    expect(await openImageDirectory(directory)).toMatchObject({ kind: 'refused' });
  });

  test('keeps the two newest images, removes old leftovers, and leaves other files alone', async () => {
    await openImageDirectory(directory);
    const keys = ['a', 'b', 'c'].map((text) => imageKey([text]));
    for (const [age, key] of keys.entries()) {
      const path = imagePath(directory, key);
      await writeFile(path, '');
      await utimes(path, 1000 - age, 1000 - age);
    }
    const oldPart = `.database-${KEY.slice(0, 32)}.image.1.0.part`;
    const newPart = `.database-${KEY.slice(0, 32)}.image.2.0.part`;
    await writeFile(join(directory, oldPart), '');
    await utimes(join(directory, oldPart), 1000, 1000);
    await writeFile(join(directory, newPart), '');
    await writeFile(join(directory, 'database-mine.image'), '');
    await tidyImages(directory);
    const kept = keys.slice(0, 2).map((key) => `database-${key.slice(0, 32)}.image`);
    expect((await readdir(directory)).sort()).toEqual([newPart, 'database-mine.image', ...kept].sort());
  });
});
