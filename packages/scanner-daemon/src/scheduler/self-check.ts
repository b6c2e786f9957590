import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { classifyDatabaseFile } from '../database/database-files.js';
import { DATABASE_FILES_MAX, type DatabaseFile } from '../database/loaded-database.js';
import { within } from '../within.js';

/** A directory on a share that hangs keeps nobody waiting for longer. */
const LOOK_MAX_MS = 10_000;

/** `reloading` = the database has changed, or is being loaded: a reload is under way. */
export type SelfCheckAnswer = 'reloading' | 'upToDate';

export interface DatabaseCheckOptions {
  /** Whether the files have changed. */
  readonly look: () => Promise<boolean>;
  readonly isReloading: () => boolean;
  readonly requestReload: () => void;
  readonly say: (text: string) => void;
  /** Unless a test is in a hurry. */
  readonly lookMaxMs?: number;
}

/**
 * The check behind SelfCheck and SELFCHECK, with clamd's log lines (behaviour 2.7). One look at the files serves all who
 * ask while it goes on; one that does not end in time counts as a change, as in clamd. Never rejects.
 */
export function createDatabaseCheck(options: DatabaseCheckOptions): () => Promise<SelfCheckAnswer> {
  const { look, isReloading, requestReload, say, lookMaxMs = LOOK_MAX_MS } = options;
  let looking: Promise<boolean | 'unknown'> | undefined;
  let asking: Promise<SelfCheckAnswer> | undefined;

  const ask = async (): Promise<SelfCheckAnswer> => {
    looking ??= look()
      .catch(() => 'unknown' as const)
      .finally(() => (looking = undefined));
    const changed = await within(lookMaxMs, looking, 'unknown' as const);
    if (isReloading()) return 'reloading';
    if (changed === false) {
      say('SelfCheck: Database status OK.');
      return 'upToDate';
    }
    say(
      changed === true
        ? 'SelfCheck: Database modification detected. Forcing reload.'
        : 'No stats for Database check - forcing reload',
    );
    requestReload();
    return 'reloading';
  };
  return () => {
    if (isReloading()) return Promise.resolve('reloading');
    asking ??= ask().finally(() => (asking = undefined));
    return asking;
  };
}

/**
 * SelfCheck (behaviour 2.7): whether a database file is new or has another time or size. A removed one goes unnoticed, as
 * in clamd: somebody is probably about to put another in its place.
 *
 * @throws the system's error when a directory cannot be read.
 */
export async function hasDatabaseChanged(
  directories: readonly string[],
  loaded: readonly DatabaseFile[],
  detectPua: boolean,
): Promise<boolean> {
  const known = new Map(loaded.map((file) => [file.path, file]));
  for (const directory of directories) {
    const names = await readdir(directory);
    for (const name of names.slice(0, DATABASE_FILES_MAX)) {
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
