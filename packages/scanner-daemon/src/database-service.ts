import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DaemonLog } from './daemon-log.js';
import { DatabaseHolder } from './database/database-holder.js';
import type { LoadDatabaseOptions, LoadedDatabase } from './database/load-database.js';
import type { FailureReason } from './failure-actions.js';
import { StartError } from './process-setup.js';
import { DatabaseReloader, loadInThread } from './scheduler/database-reloader.js';
import { hasDatabaseChanged } from './scheduler/self-check.js';
import type { LoadFailure } from './worker/load-task.js';

const LOAD_THREAD = new URL('./worker/load-thread.js', import.meta.url);
const BUNDLED_DIRECTORY = fileURLToPath(new URL('../../signatures', import.meta.url));

/** Where signatures come from. @param isConfigured there is a clamd.conf: then DatabaseDirectory has to exist. */
export function databaseSources(options: {
  readonly directory: string;
  readonly isConfigured: boolean;
  readonly bundled: 'auto' | 'yes' | 'no';
  readonly detectPua: boolean;
}): LoadDatabaseOptions {
  const { directory, isConfigured, detectPua } = options;
  const wantsBundled = options.bundled === 'yes' || (options.bundled === 'auto' && !isConfigured);
  if (!wantsBundled) return { directory, detectPua };
  if (isConfigured || existsSync(directory))
    return { directory, extraDirectories: [BUNDLED_DIRECTORY], detectPua };
  return { directory: BUNDLED_DIRECTORY, detectPua };
}

export interface DatabaseServiceOptions {
  readonly sources: LoadDatabaseOptions;
  /** SelfCheck; 0 = off. */
  readonly selfCheckIntervalMs: number;
  readonly log: DaemonLog;
  readonly onFailure: (reason: FailureReason, cause?: unknown) => void;
}

/** The database in use, and everything that replaces it. */
export interface DatabaseService {
  readonly holder: DatabaseHolder;
  readonly requestReload: () => void;
  readonly startSelfCheck: () => void;
  stop(): Promise<void>;
}

/** Loads the first database. @throws StartError DATABASE */
export async function openDatabase(options: DatabaseServiceOptions): Promise<DatabaseService> {
  const { sources, log } = options;
  const directories = [sources.directory, ...(sources.extraDirectories ?? [])];
  const sayReading = (): void => {
    for (const directory of directories) log.say('info', `Reading databases from ${directory}`);
  };
  sayReading();
  const first = await loadInThread(LOAD_THREAD, sources, new AbortController().signal);
  if (first.kind === 'failed') {
    log.say('error', describeFailure(first.failure));
    throw new StartError('DATABASE', first.failure.text, { context: first.failure.context });
  }
  sayLoaded(log, `Loaded ${first.loaded.signatureCount} signatures.`, first.loaded);

  const holder = new DatabaseHolder(first.loaded);
  const reloader = new DatabaseReloader({
    load: (signal) => loadInThread(LOAD_THREAD, sources, signal),
    onBegin: sayReading,
    onLoaded: (loaded) => {
      sayLoaded(log, `Database correctly reloaded (${loaded.signatureCount} signatures)`, loaded);
      log.say('info', 'Activating the newly loaded database...');
      holder.swap(loaded);
    },
    onFailed: (failure) => {
      log.say('error', `reload_th: Database load failed: ${describeFailure(failure)}`, {
        ...failure.context,
      });
      options.onFailure('reloadFailed');
    },
  });
  const selfCheck = createSelfCheck(options, directories, holder, reloader);
  return {
    holder,
    requestReload: () => {
      reloader.request();
    },
    startSelfCheck: selfCheck.start,
    stop: async () => {
      selfCheck.stop();
      await reloader.stop();
    },
  };
}

function createSelfCheck(
  { selfCheckIntervalMs, sources, log }: DatabaseServiceOptions,
  directories: readonly string[],
  holder: DatabaseHolder,
  reloader: DatabaseReloader,
): { start: () => void; stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const check = async (): Promise<void> => {
    if (reloader.isBusy) return;
    const { files } = holder.current.loaded;
    if (await hasDatabaseChanged(directories, files, sources.detectPua ?? false)) {
      log.say('info', 'SelfCheck: Database modification detected. Forcing reload.');
      reloader.request();
    } else {
      log.say('info', 'SelfCheck: Database status OK.');
    }
  };
  return {
    start: () => {
      if (selfCheckIntervalMs > 0) timer = setInterval(() => void check(), selfCheckIntervalMs);
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}

function sayLoaded(log: DaemonLog, text: string, { unsupported, signatureCount }: LoadedDatabase): void {
  log.say('info', text, { signatureCount });
  for (const [kind, count] of Object.entries(unsupported)) {
    log.say('warning', `Signatures that this engine does not use: ${count} of kind ${kind}`, { kind, count });
  }
}

function describeFailure({ text, context }: LoadFailure): string {
  const where = [context['path'], context['line']].filter((part) => part !== undefined).join(':');
  return where === '' ? text : `${text} (${where})`;
}

/** Bytes of shared memory behind a database, each buffer once. */
export function sharedBytesOf(value: unknown, seen = new Set<ArrayBufferLike>()): number {
  if (ArrayBuffer.isView(value)) {
    if (seen.has(value.buffer)) return 0;
    seen.add(value.buffer);
    return value.buffer.byteLength;
  }
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, part) => sum + sharedBytesOf(part, seen), 0);
}
