import { constants } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { decodePath } from '@portcullis/shared/native';
import { closeQuietly, fstat, openQuietly } from './open-for-scan.js';

export interface WalkOptions {
  /** An excluded directory is left out with everything below it. */
  readonly isExcluded: (directory: string) => boolean;
  /** What is in this directory was not, or not wholly, seen. */
  readonly onUnread: (directory: string) => void;
  /** Directories found and not yet read, at most; those beyond are told as unread. */
  readonly directoriesMax: number;
}

/** A file as it was found: neither a directory nor a link. */
export interface WalkedFile {
  readonly path: Buffer;
  /** Leads to it through the open directory, whatever the names above stand for by now; good until the next one is asked for. */
  readonly throughDirectory: Buffer;
}

interface Waiting {
  readonly path: Buffer;
  /** Undefined for the root. */
  readonly found: { readonly dev: bigint; readonly ino: bigint } | undefined;
}

const FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const SLASH = Buffer.from('/');

/**
 * Everything below a directory that is neither a directory nor a link, physically: no link is followed and no other filesystem
 * entered (behaviour 4.7), also when somebody puts links in the place of directories meanwhile. Names are bytes, since not every
 * name is UTF-8. What vanishes or cannot be read ends nothing but itself. Memory: the directories still to be read, and a few
 * entries.
 */
export async function* walkFiles(root: Buffer, options: WalkOptions): AsyncGenerator<WalkedFile> {
  const waiting: Waiting[] = [{ path: root, found: undefined }];
  let device: bigint | undefined;
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    const { path } = directory;
    if (options.isExcluded(decodePath(path))) continue;
    let fd = -1;
    try {
      fd = await openQuietly(path, FLAGS);
      const status = await fstat(fd);
      if (isAnother(status, directory.found)) {
        options.onUnread(decodePath(path));
        continue;
      }
      device ??= status.dev;
      if (status.dev !== device) continue;
      // Through the descriptor: what was opened is what is read, whatever the name stands for by now.
      const through = Buffer.from(`/proc/self/fd/${fd}`);
      for await (const entry of await opendir(through.toString(), { encoding: 'latin1' })) {
        const name = Buffer.from(entry.name, 'latin1');
        const found = {
          path: Buffer.concat([path, SLASH, name]),
          throughDirectory: Buffer.concat([through, SLASH, name]),
        };
        if (entry.isSymbolicLink()) continue;
        if (!entry.isDirectory()) yield found;
        else if (waiting.length >= options.directoriesMax) options.onUnread(decodePath(found.path));
        else waiting.push({ path: found.path, found: await identityOf(found.throughDirectory) });
      }
    } catch {
      options.onUnread(decodePath(path));
    } finally {
      if (fd >= 0) await closeQuietly(fd);
    }
  }
}

/** Zeros, which nothing has, where it is gone already: it is told as unread when its turn comes. */
async function identityOf(path: Buffer): Promise<{ readonly dev: bigint; readonly ino: bigint }> {
  return lstat(path, { bigint: true })
    .then(({ dev, ino }) => ({ dev, ino }))
    .catch(() => ({ dev: 0n, ino: 0n }));
}

/** Another directory lies there than was found, by way of a link above it for instance. */
function isAnother(status: { dev: bigint; ino: bigint }, found: Waiting['found']): boolean {
  return found !== undefined && (status.dev !== found.dev || status.ino !== found.ino);
}
