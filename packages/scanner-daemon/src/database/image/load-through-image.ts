import { isDeepStrictEqual } from 'node:util';
import type { DatabaseFile, LoadedBuiltinDatabase } from '../loaded-database.js';
import { within } from '../../within.js';
import { IMAGE_WAIT_MAX_MS, imagePath, openImageDirectory, tidyImages } from './image-directory.js';
import type { ImageIdentity } from './image-format.js';
import { readImage, type ImageRead, type NoImage } from './read-image.js';
import { writeImage } from './write-image.js';

/** An image, and what there is where it is missing. */
export interface LoadThroughImageOptions extends ImageIdentity {
  /** Where images lie; undefined = there are none. See `imageDirectoryPath`. */
  readonly directory: string | undefined;
  /**
   * What the key was made of, as it was then: an image may be older than the times of its files. Where `load` finds other
   * files or times, what it made is not kept as an image.
   */
  readonly files: readonly DatabaseFile[];
  /** Reads and compiles the sources. What it throws is thrown on. */
  readonly load: () => Promise<LoadedBuiltinDatabase>;
  /** How long the image may take to be read, milliseconds. Default {@link IMAGE_WAIT_MAX_MS}. */
  readonly waitMaxMs?: number | undefined;
}

/** A database and where it came from. */
export interface LoadedThroughImage {
  readonly loaded: LoadedBuiltinDatabase;
  readonly from: 'image' | 'sources';
  /** Why it did not come from an image; undefined where it did, and where there shall be none. */
  readonly noImage?: NoImage;
  /** Whether {@link save} has something to do. */
  readonly isToBeSaved: boolean;
  /**
   * Writes the image that was missing, which may be put off until the database is in use. Nothing to do: resolves at
   * once. Never rejects: what failed comes as one line for the log, and the database is as good without it.
   */
  readonly save: () => Promise<string | undefined>;
}

const NOTHING_TO_SAVE = (): Promise<undefined> => Promise.resolve(undefined);

/**
 * Takes the database from its image, or from the sources where there is no sound one. A read that has not ended in time
 * goes on, and keeps the thread alive until it does: nothing is written then.
 */
export async function loadThroughImage(options: LoadThroughImageOptions): Promise<LoadedThroughImage> {
  const { directory, key, formatVersion, files, load, waitMaxMs = IMAGE_WAIT_MAX_MS } = options;
  if (directory === undefined)
    return { loaded: await load(), from: 'sources', isToBeSaved: false, save: NOTHING_TO_SAVE };
  const reading = readImage(imagePath(directory, key), { key, formatVersion });
  const image = await within<ImageRead, NoImage>(waitMaxMs, reading, {
    kind: 'silent',
    why: `${directory} has not answered within ${waitMaxMs} ms`,
  });
  if (image.kind === 'read') {
    // Sound, ours and of this version: what `saveImage` wrote, from the same type.
    const loaded = image.tree as Omit<LoadedBuiltinDatabase, 'files'>;
    return { loaded: { ...loaded, files }, from: 'image', isToBeSaved: false, save: NOTHING_TO_SAVE };
  }
  const loaded = await load();
  // Sources that were replaced while they were read are not those of the key.
  const isToBeSaved = image.kind !== 'silent' && isDeepStrictEqual(loaded.files, files);
  const save = isToBeSaved
    ? (): Promise<string | undefined> => saveImage(directory, { key, formatVersion }, loaded)
    : NOTHING_TO_SAVE;
  return { loaded, from: 'sources', noImage: image, isToBeSaved, save };
}

async function saveImage(
  directory: string,
  identity: ImageIdentity,
  loaded: LoadedBuiltinDatabase,
): Promise<string | undefined> {
  const opened = await openImageDirectory(directory);
  if (opened.kind === 'refused') return `No image of the database is kept: ${opened.why}`;
  // Leftovers must not take the place that this one needs.
  await tidyImages(directory);
  // The files are those of the day, whatever the image says.
  const written = await writeImage(imagePath(directory, identity.key), { ...loaded, files: [] }, identity);
  await tidyImages(directory);
  return written.kind === 'failed'
    ? `The image of the database could not be written to ${directory}: ${written.why}`
    : undefined;
}
