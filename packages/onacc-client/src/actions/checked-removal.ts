import { fstatSync, unlinkSync } from 'node:fs';
import { putBack, takeAway, unguessableId } from './checked-rename.js';
import type { RenameApi } from './checked-rename.js';
import { entryPath, withEntryOf } from './entry.js';
import type { OpenedFile } from './entry.js';

/** A name of ours beside the file, for as long as it takes to look at it and unlink it. */
const PRIVATE_PREFIX = '.portcullis-';

/**
 * Unlinks the name under which an open file stands: that inode or none. It is renamed to a name that nobody uses
 * first, looked at, and only then unlinked. Whoever finds out that name and puts another file there could have unlinked
 * that one himself: it takes the same rights.
 *
 * @throws ActionError as {@link withEntryOf}; errno of rename(2) and unlink(2): the name is there, then.
 */
export function removeChecked(file: OpenedFile, renames: RenameApi): void {
  withEntryOf(file, (entry) => {
    const { directoryFd } = entry;
    const held = { directoryFd, name: Buffer.from(PRIVATE_PREFIX + unguessableId()) };
    const inode = fstatSync(file.fd, { bigint: true });
    if (takeAway(entry, held, inode, renames) === 'changed') return 'changed';
    try {
      unlinkSync(entryPath(held));
    } catch (error) {
      putBack(held, entry, renames);
      throw error;
    }
    return 'removed';
  });
}
