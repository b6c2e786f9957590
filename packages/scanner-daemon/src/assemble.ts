import { availableParallelism, tmpdir } from 'node:os';
import type { NativeApi } from '@portcullis/shared/native';
import type { EngineParts } from './choose-engine.js';
import type { DaemonLog, FailureHandler } from './daemon-log.js';
import { databaseSources, versionText, type DatabaseService } from './database-service.js';
import type { LoadDatabaseOptions } from './database/loaded-database.js';
import { compileExcludePatterns } from './intake/exclude-path.js';
import { createPathWalk } from './intake/path-walk.js';
import { createStreamSpools } from './intake/stream-spool.js';
import type { Signals } from './process/signals.js';
import { StartError } from './process/start-error.js';
import type { Configuration } from './read-configuration.js';
import { adjustQueueLimit } from './scheduler/scan-queue.js';
import type { ScanEngine } from './scheduler/scan-engine.js';
import type { ScanSide } from './scheduler/start-scan-side.js';
import type { ScanOutcome } from './server/server-log.js';
import { createServer, type Server } from './server/server.js';
import type { DaemonStats } from './stats/daemon-stats.js';
import type { InheritedSockets } from './systemd/inherit-sockets.js';

/** MaxScanTime 0: a scan may take as long as it likes, but not for ever. */
const HANG_AFTER_MAX_MS = 24 * 3_600_000;

/** What most parts of the daemon are made with. */
export interface Parts {
  readonly configuration: Configuration;
  readonly log: DaemonLog;
  readonly failures: FailureHandler;
  readonly native: NativeApi;
  readonly stats: DaemonStats;
}

/** Where clamd.conf and our settings say that signatures are. */
export function chooseSources({ config, configFile, settings }: Configuration): LoadDatabaseOptions {
  return databaseSources({
    directory: config.database.directory,
    isConfigured: configFile !== undefined,
    bundled: settings.bundledSignatures,
    detectPua: config.pua.detect,
    puaCategories: { exclude: config.pua.excludeCategories, include: config.pua.includeCategories },
    officialOnly: config.database.officialOnly,
  });
}

/** MaxQueue within the bounds that MaxThreads and the open files set (behaviour 1.9); said where it differs. */
export function chooseQueueLimit({ configuration, log, native }: Parts): number {
  const { threads, limits } = configuration.config;
  const { limit, warning } = adjustQueueLimit({
    maxQueue: threads.queueMax,
    maxThreads: threads.threadsMax,
    maxRecursion: limits.recursionDepthMax,
    openFilesMax: native.limits.raiseOpenFiles(),
  });
  if (warning !== undefined) log.say('warning', warning);
  return limit;
}

/** How many scan at a time. */
function chooseThreads({ config, settings }: Configuration): number {
  return settings.threads ?? Math.min(config.threads.threadsMax, availableParallelism());
}

/** What an engine is made with. */
export function engineParts({ configuration, native, log, failures }: Parts): EngineParts {
  return {
    ...{ configuration, native, log },
    sources: chooseSources(configuration),
    threads: chooseThreads(configuration),
    onFailure: failures.handle,
  };
}

/** Starts those who scan on the database in use. */
export function openScanSide(
  { configuration, stats, failures }: Parts,
  { holder }: DatabaseService,
  { engine, queueLimit }: { readonly engine: ScanEngine; readonly queueLimit: number },
): Promise<ScanSide> {
  const { config, settings } = configuration;
  return engine.startScanSide(holder.current.loaded, {
    threads: chooseThreads(configuration),
    queueLimit,
    hangAfterMs: Math.min(config.limits.scanTimeMaxMs + settings.scanGraceMs, HANG_AFTER_MAX_MS),
    stats,
    onFailure: failures.handle,
  });
}

/** What a server is made with, beside {@link Parts}. */
export interface ServerParts {
  readonly database: DatabaseService;
  readonly engine: ScanEngine;
  readonly scanSide: ScanSide;
  readonly queueLimit: number;
  readonly signals: Signals;
  /** Sockets from systemd; then LocalSocket and TCPSocket do not count. */
  readonly inherited: InheritedSockets | undefined;
  /** VirusEvent, where it is set. */
  readonly onDetection: ((outcome: ScanOutcome) => void) | undefined;
}

/** The server, not yet listening. @throws StartError EXCLUDE_PATH */
export function assembleServer(parts: Parts, made: ServerParts): Server {
  const { configuration, native, stats, log, failures } = parts;
  const { config, settings } = configuration;
  const { database, signals } = made;
  return createServer({
    native,
    scanner: made.scanSide.scanner,
    walkPaths: assemblePathWalk(parts),
    openSpool: createStreamSpools({
      memoryMaxBytes: settings.spoolMemoryBytes,
      directory: config.process.temporaryDirectory ?? tmpdir(),
      leaveFiles: config.process.leaveTemporaryFiles,
      onFailure: (cause) => {
        failures.handle('spoolFailed', cause);
      },
    }),
    stats,
    logger: log.logger,
    clamdLog: log.clamdLog,
    actions: {
      reload: database.requestReload,
      selfCheck: database.checkNow,
      shutdown: () => {
        signals.raise('stop');
      },
    },
    onDetection: made.onDetection,
    versionText: () => versionText(database.holder.current.loaded, made.engine.description.clamavVersion),
    listen: config.listen,
    inherited: made.inherited,
    commands: config.commands,
    alerts: config.alerts,
    clocks: config.clocks,
    limits: {
      streamMaxBytes: config.streams.streamMaxBytes,
      pendingJobsMax: made.queueLimit,
      threadsMax: config.threads.threadsMax,
      connectionsMax: settings.connectionsMax,
    },
  });
}

function assemblePathWalk({ configuration, log, native }: Parts): ReturnType<typeof createPathWalk> {
  const { walk } = configuration.config;
  const exclude = compileExcludePatterns(walk.excludePathPatterns, native.patterns);
  if (exclude.kind === 'refused') {
    throw new StartError('EXCLUDE_PATH', `ExcludePath ${exclude.pattern}: ${exclude.reason}`);
  }
  return createPathWalk({
    ...walk,
    isExcluded: exclude.isExcluded,
    onDepthLimit: (path) => {
      log.say('warning', `Directory recursion limit reached, skipping ${path.toString()}`);
    },
  });
}
