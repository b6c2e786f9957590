import { linkSync, renameSync, unlinkSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import type { FileApi } from '@portcullis/shared/native';
import { ActionError, codeOf } from './action-error.js';
import { entryPath, isEntryOf, isTaken, placeOf } from './entry.js';
import type { Entry, InodeId } from './entry.js';

/** What is asked of the native fence: node:fs cannot rename without replacing. */
export type RenameApi = Pick<FileApi, 'renameNoReplace'>;

/** renameat2(2): the filesystem cannot rename without replacing. */
const CANNOT_NO_REPLACE = ['EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP'];
/** link(2): the filesystem has no hard links, or it is a directory. */
const CANNOT_LINK = ['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'EMLINK', 'EACCES'];

/** Nobody can guess it, so nobody can have put something there. */
export function unguessableId(): string {
  return randomBytes(16).toString('hex');
}

/**
 * Takes a file away under a name that nobody can guess, and makes sure afterwards that it was the right one: between a
 * look at a name and its renaming, whoever may write to the directory can put another file there.
 *
 * @returns `changed` when it was another one, which has its name again.
 * @throws errno of rename(2), EXDEV among them: nothing has happened then.
 */
export function takeAway(from: Entry, to: Entry, inode: InodeId, renames: RenameApi): 'taken' | 'changed' {
  try {
    renameSync(entryPath(from), entryPath(to));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'changed';
    throw error;
  }
  if (isEntryOf(to, inode)) return 'taken';
  putBack(to, from, renames);
  return 'changed';
}

/**
 * Gives a file its name back. Where somebody has used the name meanwhile, the file goes beside it, under a name that
 * says whence it comes.
 *
 * @throws ActionError CHANGED when that fails, too, with the place where it is.
 */
export function putBack(from: Entry, to: Entry, renames: RenameApi): void {
  const aside = {
    ...to,
    name: Buffer.concat([to.name.subarray(0, 200), Buffer.from(`.${unguessableId()}`)]),
  };
  for (const place of [to, aside]) {
    try {
      renameExclusively(from, place, renames);
      return;
    } catch (error) {
      if (place === to && codeOf(error) === 'EEXIST') continue;
      const now = Buffer.concat([placeOf(from.directoryFd), Buffer.from('/'), from.name]).toString();
      const message = `a file could not be given its name back, and is now called '${now}'`;
      throw new ActionError('CHANGED', message, { cause: error });
    }
  }
}

/** Renames, and never replaces anything. @throws errno, EEXIST when the name is taken. */
export function renameExclusively(from: Entry, to: Entry, renames: RenameApi): void {
  if (isUtf8(from.name) && isUtf8(to.name)) {
    try {
      renames.renameNoReplace(from.directoryFd, from.name.toString(), to.directoryFd, to.name.toString());
      return;
    } catch (error) {
      if (!CANNOT_NO_REPLACE.includes(codeOf(error))) throw error;
    }
  }
  try {
    linkSync(entryPath(from), entryPath(to));
  } catch (error) {
    if (!CANNOT_LINK.includes(codeOf(error))) throw error;
    renameCarefully(from, to);
    return;
  }
  unlinkSync(entryPath(from));
}

/** The last way, for directories with odd names and filesystems without hard links: looks first. */
function renameCarefully(from: Entry, to: Entry): void {
  if (isTaken(to)) {
    throw Object.assign(new Error('the name is taken'), { code: 'EEXIST' });
  }
  renameSync(entryPath(from), entryPath(to));
}
