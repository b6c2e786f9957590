import { mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { constants } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { strerror } from '@portcullis/shared';
import { PART_SUFFIX } from './write-image.js';

/** What says where images lie, in the order in which it counts. */
export interface ImageDirectorySources {
  /** SCANNER_DATABASE_IMAGE: a directory, `no` for none at all, undefined for the default. */
  readonly setting: string | undefined;
  /** `CACHE_DIRECTORY`: what systemd made for CacheDirectory=, absolute paths with colons between them. */
  readonly systemdCache: string | undefined;
  /** `XDG_CACHE_HOME`. */
  readonly xdgCacheHome: string | undefined;
  /** The home of the account. */
  readonly home: string | undefined;
}

/** What a load knows of images before it looks for the account. */
export interface ImageSettings extends Omit<ImageDirectorySources, 'home'> {
  /** {@link IMAGE_WAIT_MAX_MS}, unless a test is in a hurry. */
  readonly waitMaxMs?: number;
}

/**
 * How long a filesystem that hangs may keep a load waiting: for its image, and for the use of the directory by the load
 * before it. The largest image there may be takes a slow disk as long.
 */
export const IMAGE_WAIT_MAX_MS = 20_000;
/** Whoever may write besides the owner: of a directory or a file. */
export const OTHERS_MAY_WRITE = 0o022;

/** A directory that images may lie in, or why there is none. */
export type ImageDirectory =
  { readonly kind: 'open'; readonly path: string } | { readonly kind: 'refused'; readonly why: string };

/** Below the account's cache directory. */
const DIRECTORY_NAME = 'portcullis';
/** So are all images called, and nothing else that lies there. */
const IMAGE_NAME = /^database-[0-9a-f]{32}\.image$/;
const PART_NAME = /^\.database-[0-9a-f]{32}\.image\..*\.part$/;
/** The one in use and the one before it, so that going back is fast too; two daemons can share a directory. */
const IMAGES_KEPT = 2;
/** No write takes as long: who began it was killed. */
const PART_AGE_MAX_MS = 60 * 60 * 1000;
/** More than this in one directory is not ours to tidy. */
const ENTRIES_MAX = 1000;

/** Where images lie; undefined = there shall be none, or nothing says where. Touches nothing. */
export function imageDirectoryPath(sources: ImageDirectorySources): string | undefined {
  const { setting, systemdCache, xdgCacheHome, home } = sources;
  if (setting === 'no') return undefined;
  if (setting !== undefined) return setting;
  const systemdFirst = systemdCache?.split(':')[0];
  if (isUsable(systemdFirst)) return systemdFirst;
  // XDG Base Directory Specification: relative paths in the variable are invalid and to be ignored.
  if (isUsable(xdgCacheHome)) return join(xdgCacheHome, DIRECTORY_NAME);
  return isUsable(home) ? join(home, '.cache', DIRECTORY_NAME) : undefined;
}

function isUsable(path: string | undefined): path is string {
  return path !== undefined && isAbsolute(path);
}

/** The image of a key. @param key 64 hexadecimal digits. */
export function imagePath(directory: string, key: string): string {
  return join(directory, `database-${key.slice(0, 32)}.image`);
}

/** Makes the directory where it is missing (mode 0700), and refuses one that somebody else could change. */
export async function openImageDirectory(path: string): Promise<ImageDirectory> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const { uid, mode } = await handle.stat();
      if (uid !== process.geteuid?.()) return { kind: 'refused', why: `${path} belongs to user ${uid}` };
      if ((mode & OTHERS_MAY_WRITE) !== 0)
        return { kind: 'refused', why: `${path} can be written by others` };
    } finally {
      await handle.close();
    }
    return { kind: 'open', path };
  } catch (error) {
    return { kind: 'refused', why: `${path}: ${strerror(error)}` };
  }
}

/**
 * Removes all but the newest images, and what writers that were killed left behind. Other files stay. What cannot be
 * removed stays too: the next one tries again.
 */
export async function tidyImages(directory: string, nowMs: number = Date.now()): Promise<void> {
  const entries = await readdir(directory).catch(() => []);
  const images: { readonly path: string; readonly mtimeMs: number }[] = [];
  for (const name of entries.slice(0, ENTRIES_MAX)) {
    if (!IMAGE_NAME.test(name) && !PART_NAME.test(name)) continue;
    const path = join(directory, name);
    const mtimeMs = await stat(path).then(
      (status) => status.mtimeMs,
      () => undefined,
    );
    if (mtimeMs === undefined) continue;
    if (!name.endsWith(PART_SUFFIX)) images.push({ path, mtimeMs });
    else if (nowMs - mtimeMs > PART_AGE_MAX_MS) await remove(path);
  }
  images.sort((a, b) => b.mtimeMs - a.mtimeMs);
  for (const { path } of images.slice(IMAGES_KEPT)) await remove(path);
}

async function remove(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}
