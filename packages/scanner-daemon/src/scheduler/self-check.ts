import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { classifyDatabaseFile } from '../database/database-files.js';
import type { DatabaseFile } from '../database/load-database.js';

/**
 * SelfCheck (behaviour 2.7): whether a database file is new or has another time or size. A removed one goes unnoticed, as
 * in clamd: somebody is probably about to put another in its place.
 */
export async function hasDatabaseChanged(
  directories: readonly string[],
  loaded: readonly DatabaseFile[],
  detectPua: boolean,
): Promise<boolean> {
  const known = new Map(loaded.map((file) => [file.path, file]));
  for (const directory of directories) {
    const names = await readdir(directory).catch(() => []);
    for (const name of names) {
      if (classifyDatabaseFile(extname(name).slice(1), detectPua).kind === 'ignored') continue;
      const path = join(directory, name);
      const status = await stat(path).catch(() => undefined);
      if (status?.isFile() !== true) continue;
      const before = known.get(path);
      if (before?.mtimeMs !== status.mtimeMs || before.sizeBytes !== status.size) return true;
    }
  }
  return false;
}
