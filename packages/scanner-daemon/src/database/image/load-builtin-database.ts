import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseCompiler } from '../compile/compile.js';
import { loadDatabase, sourcesDigest } from '../load-database.js';
import type { LoadDatabaseOptions, LoadedBuiltinDatabase } from '../loaded-database.js';
import { imageKey } from './image-format.js';
import { loadThroughImage, type LoadedThroughImage } from './load-through-image.js';
import { treeShape } from './tree-shape.js';

/** What images hold. Nobody has to count it up for a change of the compiler or a reader: their code is part of the key. */
const DATABASE_FORMAT_VERSION = 1;

/** Everything that signatures go through until they are tables. */
const CODE_DIRECTORIES = [
  dirname(import.meta.dirname),
  join(import.meta.dirname, '../../engine/builtin/pcre'),
  join(import.meta.dirname, '../../engine/builtin/matcher'),
];

/** SHA-256 over the programs that read and compile: an image of others may hold something else for the same sources. */
async function digestOfCode(): Promise<string> {
  const whole = createHash('sha256');
  for (const directory of CODE_DIRECTORIES) {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const own = entries.filter((entry) => entry.isFile() && /(?<![.]test)[.]js$/.test(entry.name));
    const paths = own.map((entry) => join(entry.parentPath, entry.name)).sort();
    for (const path of paths) whole.update(await readFile(path));
  }
  return whole.digest('hex');
}

/**
 * Loads the built-in engine's database: from its compiled image where there is one of these very sources, else from the
 * sources.
 *
 * @param imageDirectory where images lie; undefined = there are none. See `imageDirectoryPath`.
 * @param waitMaxMs how long an image may take to be read, milliseconds. Default IMAGE_WAIT_MAX_MS.
 * @throws DatabaseError as `loadDatabase` does.
 */
export async function loadBuiltinDatabase(
  options: LoadDatabaseOptions,
  imageDirectory: string | undefined,
  waitMaxMs?: number,
): Promise<LoadedThroughImage> {
  const load = (): Promise<LoadedBuiltinDatabase> => loadDatabase(options);
  if (imageDirectory === undefined)
    return {
      loaded: await load(),
      from: 'sources',
      isToBeSaved: false,
      save: () => Promise.resolve(undefined),
    };
  const { digest, files } = await sourcesDigest(options);
  return loadThroughImage({
    directory: imageDirectory,
    key: imageKey([digest, treeShape(new DatabaseCompiler().finish()), await digestOfCode()]),
    formatVersion: DATABASE_FORMAT_VERSION,
    ...{ files, load, waitMaxMs },
  });
}
