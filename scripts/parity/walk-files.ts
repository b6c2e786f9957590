import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { messageOf } from '@portcullis/shared';
import { decodePath, encodePath } from '@portcullis/shared/native';

/** What a walk keeps away from, and whom it tells. */
export interface WalkOptions {
  /** A directory that is not entered. */
  readonly exceptDirectory: string;
  readonly onUnreadable: (path: string, why: string) => void;
}

/**
 * Every regular file below a directory, each directory's own in the order of their names, then its subdirectories; the
 * directory itself may be a regular file. Follows no symbolic link and stays on one filesystem. Holds one path from the root
 * down, never the whole tree.
 *
 * @param root - absolute; paths are as `decodePath` gives them
 */
export async function* walkFiles(root: string, options: WalkOptions): AsyncGenerator<string> {
  const status = await lstat(encodePath(root));
  if (status.isFile()) yield root;
  if (!status.isDirectory()) return;
  const waiting = [root];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    if (directory === options.exceptDirectory) continue;
    const listing = await list(directory, status.dev).catch((failure: unknown) => messageOf(failure));
    if (typeof listing === 'string') {
      options.onUnreadable(directory, listing);
      continue;
    }
    yield* listing.files;
    waiting.push(...listing.directories.reverse());
  }
}

interface Listing {
  readonly files: string[];
  readonly directories: string[];
}

async function list(directory: string, device: number): Promise<Listing> {
  const path = encodePath(directory);
  const listing: Listing = { files: [], directories: [] };
  if ((await lstat(path)).dev !== device) return listing;
  const entries = await readdir(path, { withFileTypes: true, encoding: 'buffer' });
  const prefix = directory.endsWith('/') ? directory : `${directory}/`;
  for (const entry of entries.sort(byName)) {
    const child = prefix + decodePath(entry.name);
    if (entry.isFile()) listing.files.push(child);
    else if (entry.isDirectory()) listing.directories.push(child);
  }
  return listing;
}

function byName(a: Dirent<Buffer>, b: Dirent<Buffer>): number {
  return Buffer.compare(a.name, b.name);
}
