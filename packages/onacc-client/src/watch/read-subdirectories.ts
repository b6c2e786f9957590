import type { Dirent, OpenDirOptions } from 'node:fs';
import { opendir, readdir } from 'node:fs/promises';
import { decodePath, emptyFileStatus, encodePath } from '@portcullis/shared/native';
import type { FileApi } from '@portcullis/shared/native';

/** Some thousand names on every file system where a directory's size says anything. */
const AT_ONCE_MAX_BYTES = 65_536;
const ENTRIES_A_READ = 256;
/** What Node puts for bytes that are no UTF-8; a name may also have it. */
const REPLACEMENT = '\ufffd';
// What opendir does with 'buffer', fs.Dirent's manual says; @types/node has the encodings of text only.
const PIECEWISE = { encoding: 'buffer', bufferSize: ENTRIES_A_READ } as unknown as OpenDirOptions;

/**
 * Calls back with the name of each directory in a directory, symbolic links left out, until told to stop by `false`. Paths
 * and names are `decodePath`'s: a name that is no UTF-8 would otherwise hide a directory.
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
    for (const name of await readAtOnce(encodePath(path))) if (!onName(name)) return;
    return;
  }
  // The names are what PIECEWISE asks for, whatever the types say.
  const entries = (await opendir(encodePath(path), PIECEWISE)) as unknown as AsyncIterable<Dirent<Buffer>>;
  for await (const entry of entries) {
    if (entry.isDirectory() && !onName(decodePath(entry.name))) return;
  }
}

async function readAtOnce(path: Buffer): Promise<readonly string[]> {
  const names = await readAsText(path);
  if (names?.some((name) => name.includes(REPLACEMENT)) === false) return names;
  const entries = await readdir(path, { withFileTypes: true, encoding: 'buffer' });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => decodePath(entry.name));
}

/**
 * Names as text take half the time of names as bytes (measured: 70 instead of 140 µs for 60 entries).
 *
 * @returns undefined when it fails: Node looks for an entry whose type the file system does not tell under its decoded name
 */
async function readAsText(path: Buffer): Promise<string[] | undefined> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return undefined;
  }
}
