import { parentPort, workerData } from 'node:worker_threads';
import { DatabaseError } from '../database/database-error.js';
import { loadDatabase, type LoadDatabaseOptions, type LoadedDatabase } from '../database/load-database.js';
import { stepBehindMainThread } from '../process/priorities.js';

/** What the load thread says before it ends. The database crosses by reference: its tables are SharedArrayBuffers. */
export type LoadMessage<Loaded extends LoadedDatabase = LoadedDatabase> =
  | { readonly kind: 'loaded'; readonly loaded: Loaded }
  | { readonly kind: 'failed'; readonly failure: LoadFailure };

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
    const loaded = await loadDatabase(workerData as LoadDatabaseOptions);
    send({ kind: 'loaded', loaded });
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    send({ kind: 'failed', failure: { text: error.message, context: error.context } });
  }
}

function send(message: LoadMessage): void {
  parentPort?.postMessage(message);
}
