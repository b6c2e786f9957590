import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MIRRORED_CLAMAV_VERSION } from '@portcullis/shared';
import type { DaemonLog } from './daemon-log.js';
import { readDatabaseAge } from './database/cvd-header.js';
import { DatabaseHolder } from './database/database-holder.js';
import { directoriesOf } from './database/load-database.js';
import type { LoadDatabaseOptions, LoadedDatabase } from './database/loaded-database.js';
import type { FailureReason } from './failure-actions.js';
import { ctime } from './logging/log-time.js';
import type { LogLine } from './logging/clamd-log.js';
import { StartError } from './process/start-error.js';
import { DatabaseReloader } from './scheduler/database-reloader.js';
import type { ScanEngine } from './scheduler/scan-engine.js';
import { ReloadMemory } from './scheduler/reload-memory.js';
import type { PuaCategories } from './database/pua-categories.js';
import { createDatabaseCheck, type SelfCheckAnswer } from './scheduler/self-check.js';
import type { LoadFailure } from './worker/load-task.js';

const BUNDLED_DIRECTORY = fileURLToPath(new URL('../../signatures', import.meta.url));

/** Where signatures come from. @param isConfigured there is a clamd.conf: then DatabaseDirectory has to exist. */
export function databaseSources(options: {
  readonly directory: string;
  readonly isConfigured: boolean;
  readonly bundled: 'auto' | 'yes' | 'no';
  readonly detectPua: boolean;
  readonly puaCategories?: PuaCategories;
  /** OfficialDatabaseOnly. */
  readonly officialOnly?: boolean;
}): LoadDatabaseOptions {
  const { directory, isConfigured, bundled, ...what } = options;
  const wantsBundled = bundled === 'yes' || (bundled === 'auto' && !isConfigured);
  if (!wantsBundled) return { directory, ...what };
  if (isConfigured || existsSync(directory))
    return { directory, extraDirectories: [BUNDLED_DIRECTORY], ...what };
  return { directory: BUNDLED_DIRECTORY, ...what };
}

export interface DatabaseServiceOptions {
  readonly engine: ScanEngine;
  readonly sources: LoadDatabaseOptions;
  /** SelfCheck; 0 = off. */
  readonly selfCheckIntervalMs: number;
  /** FailIfCvdOlderThan, days; 0 or undefined = any age will do. */
  readonly cvdAgeMaxDays?: number | undefined;
  /** ConcurrentDatabaseReload. `no` changes nothing but is answered with a log line. */
  readonly concurrentReload?: boolean;
  /** Said once, between the first look at the files and what was loaded. */
  readonly remarks?: readonly LogLine[];
  readonly log: DaemonLog;
  /** A reload has begun, or ended one way or the other. */
  readonly onReload?: (stage: 'began' | 'ended') => void;
  readonly onFailure: (reason: FailureReason, cause?: unknown) => void;
}

/** The database in use, and everything that replaces it. */
export interface DatabaseService {
  readonly holder: DatabaseHolder;
  readonly requestReload: () => void;
  readonly startSelfCheck: () => void;
  /** Puts a database into service that nobody asked to be loaded. */
  readonly adopt: (loaded: LoadedDatabase) => void;
  /** SELFCHECK: looks at the files now. Answers within a bound, never rejects. */
  readonly checkNow: () => Promise<SelfCheckAnswer>;
  stop(): Promise<void>;
}

/** Loads the first database. @throws StartError DATABASE */
export async function openDatabase(options: DatabaseServiceOptions): Promise<DatabaseService> {
  const { sources, log } = options;
  const sayReading = (): void => {
    for (const directory of directoriesOf(sources)) log.say('info', `Reading databases from ${directory}`);
  };
  sayReading();
  for (const { severity, text } of options.remarks ?? []) log.say(severity, text);
  const first = await loadFirstDatabase(options, new AbortController().signal);
  sayLoaded(log, `Loaded ${first.signatureCount} signatures.`, first);
  if (options.concurrentReload === false) log.say('info', NOT_CONCURRENT);

  const holder = new DatabaseHolder(first);
  const memory = new ReloadMemory({
    onReport: (report) => {
      log.logger.info({ event: 'reloadMemory', ...report }, 'memory during the database reload');
    },
  });
  const reloader = createReloader(options, { holder, memory, sayReading });
  const requestReload = (): void => {
    reloader.request();
  };
  const checkNow = createDatabaseCheck({
    look: () => options.engine.hasChanged(holder.current.loaded),
    isReloading: () => reloader.isBusy,
    requestReload,
    say: (text) => {
      log.say('info', text);
    },
  });
  let timer: NodeJS.Timeout | undefined;
  return {
    ...{ holder, requestReload, checkNow },
    adopt: (loaded) => {
      sayLoaded(log, `Loaded ${loaded.signatureCount} signatures.`, loaded);
      holder.swap(loaded);
    },
    startSelfCheck: () => {
      const intervalMs = options.selfCheckIntervalMs;
      if (intervalMs > 0) timer = setInterval(() => void checkNow(), intervalMs);
    },
    stop: async () => {
      clearInterval(timer);
      memory.stop();
      await reloader.stop();
    },
  };
}

/** The first database, as a start loads it, and nothing else. @throws StartError DATABASE */
export async function loadFirstDatabase(
  options: Pick<DatabaseServiceOptions, 'engine' | 'sources' | 'cvdAgeMaxDays'>,
  signal: AbortSignal,
): Promise<LoadedDatabase> {
  await refuseOldDatabase(options);
  const first = await options.engine.load(signal);
  if (first.kind === 'loaded') return first.loaded;
  throw new StartError('DATABASE', describeFailure(first.failure), { context: first.failure.context });
}

/** Whoever asks for this wants a reload to need less memory, at the price of having no database for a while. */
const NOT_CONCURRENT =
  'ConcurrentDatabaseReload no: the database in use is kept until the new one is good; a reload needs memory for both';

function createReloader(
  { engine, log, onReload, onFailure }: DatabaseServiceOptions,
  { holder, memory, sayReading }: { holder: DatabaseHolder; memory: ReloadMemory; sayReading: () => void },
): DatabaseReloader {
  return new DatabaseReloader({
    load: (signal) => engine.load(signal),
    onBegin: () => {
      sayReading();
      memory.begin();
      onReload?.('began');
    },
    onLoaded: (loaded) => {
      sayLoaded(log, `Database correctly reloaded (${loaded.signatureCount} signatures)`, loaded);
      log.say('info', 'Activating the newly loaded database...');
      holder.swap(loaded);
      memory.end();
      onReload?.('ended');
    },
    onFailed: (failure) => {
      memory.end();
      log.say('error', `reload_th: Database load failed: ${describeFailure(failure)}`, {
        ...failure.context,
      });
      onFailure('reloadFailed', failure.cause);
      onReload?.('ended');
    },
  });
}

const DAY_SECONDS = 86_400;

/** FailIfCvdOlderThan, with clamd's sentences (observed). @throws StartError DATABASE */
async function refuseOldDatabase({
  cvdAgeMaxDays,
  sources,
}: Pick<DatabaseServiceOptions, 'sources' | 'cvdAgeMaxDays'>): Promise<void> {
  if (cvdAgeMaxDays === undefined || cvdAgeMaxDays <= 0) return;
  const age = await readDatabaseAge(sources.directory);
  if (age.kind === 'noContainer') return;
  const ageSeconds = age.kind === 'builtAt' ? Math.floor(Date.now() / 1000) - age.seconds : 0;
  if (age.kind === 'builtAt' && ageSeconds <= cvdAgeMaxDays * DAY_SECONDS) return;
  const [text, context] =
    age.kind === 'broken'
      ? ['Broken or not a CVD file', { path: age.path }]
      : [`Virus database is older than ${cvdAgeMaxDays} days!`, { ageSeconds }];
  throw new StartError('DATABASE', text, { context });
}

/** The daily container that is in use; version 0 = none is. */
export interface DailyVersion {
  readonly version: number;
  /** When it was built. */
  readonly versionBuiltAtSeconds?: number | undefined;
}

/** What VERSION answers (behaviour 1.5): `ClamAV 1.4.6`, or `ClamAV 1.4.6/27123/Sat Nov 21 20:44:46 2026` in local time. */
export function versionText(
  { version, versionBuiltAtSeconds }: DailyVersion,
  clamavVersion = MIRRORED_CLAMAV_VERSION,
): string {
  const program = `ClamAV ${clamavVersion}`;
  if (version <= 0 || versionBuiltAtSeconds === undefined) return program;
  return `${program}/${version}/${ctime(new Date(versionBuiltAtSeconds * 1000))}`;
}

function sayLoaded(log: DaemonLog, text: string, { unsupported, signatureCount }: LoadedDatabase): void {
  log.say('info', text, { signatureCount });
  for (const [kind, count] of Object.entries(unsupported)) {
    log.say('warning', `Signatures that this engine does not use: ${count} of kind ${kind}`, { kind, count });
  }
}

function describeFailure({ text, context }: LoadFailure): string {
  // Of a load that broke off there is no place in a file to tell, but a reason.
  const where =
    [context['path'], context['line']].filter((part) => part !== undefined).join(':') ||
    String(context['reason'] ?? '');
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
