import { constants } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { closeQuietly, fstat, openQuietly } from './open-for-scan.js';

export interface WalkOptions {
  /** An excluded directory is left out with everything below it. */
  readonly isExcluded: (directory: string) => boolean;
  /** What is in this directory was not, or not wholly, seen. */
  readonly onUnread: (directory: string) => void;
  /** Directories found and not yet read, at most; those beyond are told as unread. */
  readonly directoriesMax: number;
}

const FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const SLASH = Buffer.from('/');

/**
 * The paths of everything below a directory that is neither a directory nor a link, physically: no link is followed and no
 * other filesystem entered (behaviour 4.7). Names are bytes, since not every name is UTF-8. What vanishes or cannot be read
 * ends nothing but itself. Memory: the directories still to be read, and a few entries.
 */
export async function* walkFiles(root: Buffer, options: WalkOptions): AsyncGenerator<Buffer> {
  const waiting = [root];
  let device: bigint | undefined;
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    if (options.isExcluded(directory.toString())) continue;
    let fd = -1;
    try {
      fd = await openQuietly(directory, FLAGS);
      const { dev } = await fstat(fd);
      device ??= dev;
      if (dev !== device) continue;
      // Through the descriptor: what was opened is what is read, whatever the name stands for by now.
      for await (const entry of await opendir(`/proc/self/fd/${fd}`, { encoding: 'latin1' })) {
        const path = Buffer.concat([directory, SLASH, Buffer.from(entry.name, 'latin1')]);
        if (!entry.isDirectory()) {
          if (!entry.isSymbolicLink()) yield path;
        } else if (waiting.length < options.directoriesMax) waiting.push(path);
        else options.onUnread(path.toString());
      }
    } catch {
      options.onUnread(directory.toString());
    } finally {
      if (fd >= 0) await closeQuietly(fd);
    }
  }
}
