import { opendir, readdir } from 'node:fs/promises';
import { emptyFileStatus } from '@portcullis/shared/native';
import type { FileApi } from '@portcullis/shared/native';

/** Some thousand names on every file system where a directory's size says anything. */
const AT_ONCE_MAX_BYTES = 65_536;
const ENTRIES_A_READ = 256;

/**
 * Calls back with the name of each directory in a directory, symbolic links left out, until told to stop by `false`.
 *
 * A small directory is read in one go, which costs a third of the time (measured: 30 to 45 µs instead of 120); a large one,
 * or one that does not say how large it is, piece by piece, so that millions of names are never in memory together.
 *
 * @throws Error with the errno's name as its `code`
 */
export async function readSubdirectories(
  files: Pick<FileApi, 'statusOfPath'>,
  path: string,
  onName: (name: string) => boolean,
): Promise<void> {
  const status = emptyFileStatus();
  files.statusOfPath(path, status);
  if (status.sizeBytes > 0 && status.sizeBytes <= AT_ONCE_MAX_BYTES) {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory() && !onName(entry.name)) return;
    }
    return;
  }
  for await (const entry of await opendir(path, { bufferSize: ENTRIES_A_READ })) {
    if (entry.isDirectory() && !onName(entry.name)) return;
  }
}
