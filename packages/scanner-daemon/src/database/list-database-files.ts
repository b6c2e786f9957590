import { createHash } from 'node:crypto';
import { open, readdir, type FileHandle } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { readCvdHeader } from './cvd-header.js';
import { DatabaseError, databaseError } from './database-error.js';
import { classifyDatabaseFile, sortDatabaseFiles, type DatabaseFileClass } from './database-files.js';
import { DATABASE_FILES_MAX, type DatabaseFile, type LoadDatabaseOptions } from './loaded-database.js';
import { readPieces } from './read-pieces.js';

/** More than the 32 bits of an offset, far more than any published database. */
const FILE_MAX_BYTES = 8 * 1024 ** 3;

/** A file that is to be read. */
export interface ListedDatabaseFile {
  readonly path: string;
  readonly fileClass: Exclude<DatabaseFileClass, { kind: 'ignored' }>;
  /** It lies there and is left out: only its time and size are looked at, so that SelfCheck does not take it for new. */
  readonly isSkipped: boolean;
}

/** All directories, in the order in which they are read. */
export function directoriesOf({
  directory,
  extraDirectories = [],
}: Pick<LoadDatabaseOptions, 'directory' | 'extraDirectories'>): readonly string[] {
  return [directory, ...extraDirectories];
}

/**
 * The database files of all directories, in the order in which they are read.
 *
 * @throws DatabaseError DATABASE_NOT_FOUND, DATABASE_UNREADABLE
 */
export async function listDatabaseFiles(options: LoadDatabaseOptions): Promise<ListedDatabaseFile[]> {
  const listed: ListedDatabaseFile[] = [];
  for (const directory of directoriesOf(options)) {
    const names = await listNames(directory);
    const olderDaily = await findOlderDaily(directory, names);
    for (const name of names) {
      const fileClass = classifyDatabaseFile(extname(name).slice(1), options.detectPua ?? false);
      if (fileClass.kind === 'ignored') continue;
      const isUnwanted = options.officialOnly === true && !isForOfficialOnly(fileClass);
      listed.push({ path: join(directory, name), fileClass, isSkipped: isUnwanted || name === olderDaily });
    }
  }
  return listed;
}

/**
 * Opens a file and hands it to `use`; closes it.
 *
 * @returns undefined for what is no plain file (a link to a directory).
 * @throws DatabaseError what `use` throws, and DATABASE_UNREADABLE for all that the system says.
 */
export async function withDatabaseFile<Result>(
  path: string,
  use: (handle: FileHandle, file: DatabaseFile) => Promise<Result>,
): Promise<Result | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const stats = await handle.stat();
    if (!stats.isFile()) return undefined;
    const { mtimeMs, size } = stats;
    if (size > FILE_MAX_BYTES) throw databaseError('DATABASE_UNREADABLE', { path, sizeBytes: size });
    return await use(handle, { path, mtimeMs, sizeBytes: size });
  } catch (cause) {
    if (cause instanceof DatabaseError || !isSystemError(cause)) throw cause;
    throw databaseError('DATABASE_UNREADABLE', { path }, cause);
  } finally {
    await handle?.close();
  }
}

/** What a database is made of. */
export interface DatabaseSources {
  /** SHA-256 in hex over the names, sizes and contents of all files, and the options that change what comes of them. */
  readonly digest: string;
  /** As they were when they were read for the digest. */
  readonly files: readonly DatabaseFile[];
}

/**
 * Identifies what {@link loadDatabase} would read now: the key of a compiled image.
 *
 * @throws DatabaseError as `loadDatabase` does for files that cannot be read.
 */
export async function sourcesDigest(options: LoadDatabaseOptions): Promise<DatabaseSources> {
  const { detectPua = false, officialOnly = false, puaCategories = {} } = options;
  const whole = createHash('sha256').update(JSON.stringify([detectPua, officialOnly, puaCategories]));
  const files: DatabaseFile[] = [];
  for (const { path, isSkipped } of await listDatabaseFiles(options)) {
    await withDatabaseFile(path, async (handle, file) => {
      files.push(file);
      if (isSkipped) return;
      const content = createHash('sha256');
      for await (const piece of readPieces(handle, { start: 0, end: file.sizeBytes })) content.update(piece);
      whole.update(JSON.stringify([basename(path), file.sizeBytes, content.digest('hex')]));
    });
  }
  return { digest: whole.digest('hex'), files };
}

/** The plain files of a directory in order; links are followed when they are opened. */
async function listNames(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((cause: unknown) => {
    throw databaseError('DATABASE_NOT_FOUND', { path: directory }, cause);
  });
  if (entries.length > DATABASE_FILES_MAX) throw databaseError('DATABASE_UNREADABLE', { path: directory });
  const names = entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => entry.name);
  return sortDatabaseFiles(names);
}

/** Of `daily.cvd` and `daily.cld` clamd takes the newer one only, and the latter where they are equal (observed). */
async function findOlderDaily(directory: string, names: readonly string[]): Promise<string | undefined> {
  if (!names.includes('daily.cvd') || !names.includes('daily.cld')) return undefined;
  const versionOf = async (name: string): Promise<number> => {
    const header = await readCvdHeader(join(directory, name)).catch(() => undefined);
    return header?.version ?? 0;
  };
  return (await versionOf('daily.cvd')) > (await versionOf('daily.cld')) ? 'daily.cld' : 'daily.cvd';
}

/** OfficialDatabaseOnly leaves signed containers, and what is to be ignored in them (observed). */
function isForOfficialOnly(fileClass: DatabaseFileClass): boolean {
  return fileClass.kind === 'ignoreList' || (fileClass.kind === 'container' && fileClass.container !== 'cud');
}

/** An error that the system or zlib gave, as against a mistake of ours. */
function isSystemError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error;
}
