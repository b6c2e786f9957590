import { once } from 'node:events';
import { userInfo } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { DatabaseError } from '../database/database-error.js';
import { imageDirectoryPath, type ImageSettings } from '../database/image/image-directory.js';
import { loadBuiltinDatabase } from '../database/image/load-builtin-database.js';
import type { LoadDatabaseOptions, LoadedDatabase } from '../database/loaded-database.js';
import { stepBehindMainThread } from '../process/priorities.js';

/** How a load ended. The database crosses by reference: its tables are SharedArrayBuffers. */
export type LoadOutcome<Loaded extends LoadedDatabase = LoadedDatabase> =
  | { readonly kind: 'loaded'; readonly loaded: Loaded }
  | { readonly kind: 'failed'; readonly failure: LoadFailure };

/** What the load thread says before it ends. */
export type LoadMessage<Loaded extends LoadedDatabase = LoadedDatabase> =
  | LoadOutcome<Loaded>
  /** Behind `loaded`: a line for the log. */
  | { readonly kind: 'remark'; readonly text: string };

/** What a load thread is started with. */
export interface LoadTask {
  readonly sources: LoadDatabaseOptions;
  /** Where compiled images lie, as far as the environment says so. */
  readonly image: ImageSettings;
}

/** Why a database could not be loaded, as text: an error would not survive the way between threads whole. */
export interface LoadFailure {
  /** ClamAV's own sentence (behaviour 1.11). */
  readonly text: string;
  readonly context: Readonly<Record<string, string | number | boolean>>;
  /** Why the thread died, where it did; never crosses from it. */
  readonly cause?: unknown;
}

/** Loads once, on a thread of its own. What is not a DatabaseError is a bug and ends the thread. */
export async function loadOnce(): Promise<void> {
  if (parentPort === null) throw new Error('a load thread needs a parent');
  stepBehindMainThread('load');
  try {
    // The only one who starts this thread is our own loader.
    const { sources, image } = workerData as LoadTask;
    const directory = imageDirectoryPath({ ...image, home: homeOfAccount() });
    const made = await loadBuiltinDatabase(sources, directory, image.waitMaxMs);
    const { loaded, noImage, isToBeSaved, save } = made;
    send({ kind: 'loaded', loaded });
    if (noImage?.kind === 'silent')
      send({ kind: 'remark', text: `No image of the database is used: ${noImage.why}` });
    if (!isToBeSaved) return;
    await once(parentPort, 'message');
    const text = await save();
    if (text !== undefined) send({ kind: 'remark', text });
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    send({ kind: 'failed', failure: { text: error.message, context: error.context } });
  }
}

/** The account may have changed since the process was started, and its environment not. Accounts without a name have none. */
function homeOfAccount(): string | undefined {
  try {
    return userInfo().homedir;
  } catch {
    return undefined;
  }
}

function send(message: LoadMessage): void {
  parentPort?.postMessage(message);
}
