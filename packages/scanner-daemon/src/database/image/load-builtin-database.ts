import { DatabaseCompiler } from '../compile/compile.js';
import { loadDatabase, sourcesDigest } from '../load-database.js';
import type { LoadDatabaseOptions } from '../loaded-database.js';
import { imageKey } from './image-format.js';
import { loadThroughImage, type LoadedThroughImage } from './load-through-image.js';
import { treeShape } from './tree-shape.js';

/**
 * What images hold. Count it up when the compiler makes something else of the same signatures, or a reader takes what it
 * refused before; that a table came, went or changed its type shows by itself.
 */
const DATABASE_FORMAT_VERSION = 1;

/**
 * Loads the built-in engine's database: from its compiled image where there is one of these very sources, else from the
 * sources.
 *
 * @param imageDirectory where images lie; undefined = there are none. See `imageDirectoryPath`.
 * @throws DatabaseError as `loadDatabase` does.
 */
export async function loadBuiltinDatabase(
  options: LoadDatabaseOptions,
  imageDirectory: string | undefined,
): Promise<LoadedThroughImage> {
  const { digest, files } =
    imageDirectory === undefined ? { digest: '', files: [] } : await sourcesDigest(options);
  return loadThroughImage({
    directory: imageDirectory,
    key: imageKey([digest, treeShape(new DatabaseCompiler().finish())]),
    formatVersion: DATABASE_FORMAT_VERSION,
    files,
    load: () => loadDatabase(options),
  });
}
