import { tmpdir, availableParallelism } from 'node:os';
import { createLogger, MIRRORED_CLAMAV_VERSION, type Logger } from '@portcullis/shared';
import { openNative, type NativeApi } from '@portcullis/shared/native';
import { VERSION_LINE } from './command-line.js';
import { createDaemonLog, createFailureHandler, type DaemonLog, type FailureHandler } from './daemon-log.js';
import { databaseSources, openDatabase, sharedBytesOf, type DatabaseService } from './database-service.js';
import { compileExcludePatterns } from './intake/exclude-path.js';
import { createPathWalk } from './intake/path-walk.js';
import { createStreamSpools } from './intake/stream-spool.js';
import { ctime } from './logging/clamd-log-file.js';
import {
  dropPrivileges,
  openClamdLog,
  prepareRunDirectory,
  StartError,
  writePidFile,
} from './process-setup.js';
import type { Configuration } from './read-configuration.js';
import { adjustQueueLimit } from './scheduler/scan-queue.js';
import { startScanSide, type ScanSide } from './scheduler/start-scan-side.js';
import { ListenError } from './server/listen-error.js';
import { createServer, type Server } from './server/server.js';
import { Signals } from './signals.js';
import { createDaemonStats, type DaemonStats } from './stats/daemon-stats.js';

const VERSION_TEXT = `ClamAV ${MIRRORED_CLAMAV_VERSION}`;
/** MaxScanTime 0: a scan may take as long as it likes, but not for ever. */
const HANG_AFTER_MAX_MS = 24 * 3_600_000;

/**
 * Runs the daemon from its first log line to its last. Everything is built here, in the order in which it is needed,
 * and taken down in the opposite order.
 *
 * @returns the exit code (behaviour 2.3).
 */
export async function runDaemon(
  configuration: Configuration,
  options: { stdoutIsTty: boolean },
): Promise<number> {
  const logger = openLogger(configuration, options.stdoutIsTty);
  const signals = new Signals();
  try {
    return await serve(configuration, logger, signals);
  } catch (error) {
    if (!(error instanceof StartError || error instanceof ListenError)) throw error;
    logger.error({ event: 'start', code: error.code, ...error.context }, error.message);
    process.stderr.write(`ERROR: ${error.message}\n`);
    return error instanceof StartError ? error.exitCode : 1;
  }
}

async function serve(configuration: Configuration, logger: Logger, signals: Signals): Promise<number> {
  const { config } = configuration;
  const clamdLog = openClamdLog(config.logging, (err) => {
    logger.error({ event: 'logFile', err }, 'a line could not be written to LogFile');
  });
  const log = createDaemonLog(logger, clamdLog);
  clamdLog?.write('info', `+++ Started at ${ctime(new Date())}`);
  const failures = createFailureHandler({ log, terminate: exitNow, nowMs: () => performance.now() });
  process.on('uncaughtException', (error) => {
    failures.handle('uncaught', error);
  });

  const removePidFile = writePidFile(config.process.pidFilePath);
  if (configuration.runDirectory !== undefined) prepareRunDirectory(configuration.runDirectory);
  dropPrivileges(config, configuration.runDirectory);
  sayWhatHolds(configuration, log);
  const native = openNative();
  const openFilesMax = native.limits.raiseOpenFiles();
  const stats = createDaemonStats({
    idleTimeoutSeconds: config.clocks.idleTimeoutMs / 1000,
    now: () => performance.now(),
  });
  const parts: Parts = { configuration, log, failures, native, stats, openFilesMax };
  const database = await openDatabase({
    sources: databaseSources({
      directory: config.database.directory,
      isConfigured: configuration.configFile !== undefined,
      bundled: configuration.settings.bundledSignatures,
      detectPua: config.pua.detect,
    }),
    selfCheckIntervalMs: config.clocks.selfCheckIntervalMs,
    log,
    onFailure: failures.handle,
  });
  const queueLimit = chooseQueueLimit(parts);
  const scanSide = await openScanSide(parts, database, queueLimit);
  const server = openServer(parts, { database, scanSide, queueLimit, signals });
  connectDatabase(parts, { database, scanSide, server });
  await server.start();
  database.startSelfCheck();
  log.say('info', 'Ready for clients', { event: 'listening' });

  await untilStopped(signals, { database, log });
  stats.state('EXIT');
  await server.stop(configuration.settings.stopGraceMs);
  await database.stop();
  await scanSide.stop(0);
  if (removePidFile()) log.say('info', 'Pid file removed.');
  log.say('info', `--- Stopped at ${ctime(new Date())}`, { counters: stats.counters });
  clamdLog?.close();
  return 0;
}

/** What most parts need. */
interface Parts {
  readonly configuration: Configuration;
  readonly log: DaemonLog;
  readonly failures: FailureHandler;
  readonly native: NativeApi;
  readonly stats: DaemonStats;
  readonly openFilesMax: number;
}

function openLogger({ settings, config }: Configuration, stdoutIsTty: boolean): Logger {
  const level = config.process.debug && settings.logLevel !== 'silent' ? 'debug' : settings.logLevel;
  return createLogger({ name: 'scanner-daemon', level, stdoutIsTty });
}

function sayWhatHolds({ config, configFile, settings }: Configuration, log: DaemonLog): void {
  log.say('info', `${VERSION_LINE} (OS: Linux, ARCH: ${process.arch}, Node: ${process.versions.node})`);
  if (configFile === undefined) {
    log.say('warning', 'No clamd.conf found: embedded defaults hold', {
      engine: 'builtin',
      localSocket: config.listen.localSocketPath,
      databaseDirectory: config.database.directory,
      bundledSignatures: settings.bundledSignatures,
    });
  }
  if (!config.process.foreground)
    log.say('info', 'Staying in the foreground: daemonising is not supported yet');
  for (const option of ignoredOptions(config)) {
    log.say('warning', `${option} is not supported yet: it is ignored`);
  }
}

/** What clamd.conf asks for and this version leaves out: said, never left out in silence. */
function ignoredOptions({ process, logging, database }: Configuration['config']): string[] {
  const asked: [string, boolean][] = [
    ['VirusEvent', process.virusEventCommand !== undefined],
    ['LogSyslog', logging.syslog],
    ['LeaveTemporaryFiles', process.leaveTemporaryFiles],
    ['ExitOnOOM', process.exitOnOutOfMemory],
    ['OfficialDatabaseOnly', database.officialOnly],
    ['FailIfCvdOlderThan', database.cvdAgeMaxDays !== undefined],
    ['ConcurrentDatabaseReload no', !database.concurrentReload],
  ];
  return asked.filter(([, isAsked]) => isAsked).map(([option]) => option);
}

function chooseQueueLimit({ configuration, log, openFilesMax }: Parts): number {
  const { threads, limits } = configuration.config;
  const { limit, warning } = adjustQueueLimit({
    maxQueue: threads.queueMax,
    maxThreads: threads.threadsMax,
    maxRecursion: limits.recursionDepthMax,
    openFilesMax,
  });
  if (warning !== undefined) log.say('warning', warning);
  log.say('verbose', `MaxQueue set to: ${limit}`);
  return limit;
}

function openScanSide(parts: Parts, { holder }: DatabaseService, queueLimit: number): Promise<ScanSide> {
  const { config, settings } = parts.configuration;
  const { fileMaxBytes, scanMaxBytes, scanTimeMaxMs } = config.limits;
  return startScanSide(holder.current.loaded, {
    native: parts.native,
    engineOptions: {
      limits: { fileMaxBytes, scanMaxBytes, scanTimeMaxMs },
      followFileSymlinks: config.walk.followFileSymlinks,
    },
    threads: settings.threads ?? Math.min(config.threads.threadsMax, availableParallelism()),
    queueLimit,
    hangAfterMs: Math.min(scanTimeMaxMs + settings.scanGraceMs, HANG_AFTER_MAX_MS),
    inlineMaxBytes: settings.inlineMaxBytes,
    stats: parts.stats,
    onFailure: parts.failures.handle,
  });
}

function openServer(
  { configuration, native, stats, log, failures }: Parts,
  made: { database: DatabaseService; scanSide: ScanSide; queueLimit: number; signals: Signals },
): Server {
  const { config, settings } = configuration;
  const exclude = compileExcludePatterns(config.walk.excludePathPatterns);
  if (exclude.kind === 'refused') {
    throw new StartError('EXCLUDE_PATH', `ExcludePath ${exclude.pattern}: ${exclude.reason}`);
  }
  return createServer({
    native,
    scanner: made.scanSide.scanner,
    walkPaths: createPathWalk({
      ...config.walk,
      isExcluded: exclude.isExcluded,
      onDepthLimit: (path) => {
        log.say('warning', `Directory recursion limit reached, skipping ${path.toString()}`);
      },
    }),
    openSpool: createStreamSpools({
      memoryMaxBytes: settings.spoolMemoryBytes,
      directory: config.process.temporaryDirectory ?? tmpdir(),
      onFailure: (cause) => {
        failures.handle('spoolFailed', cause);
      },
    }),
    stats,
    logger: log.logger,
    clamdLog: log.clamdLog,
    actions: {
      reload: made.database.requestReload,
      shutdown: () => {
        made.signals.raise('stop');
      },
    },
    versionText: () => VERSION_TEXT,
    listen: config.listen,
    commands: config.commands,
    clocks: config.clocks,
    limits: {
      streamMaxBytes: config.streams.streamMaxBytes,
      pendingJobsMax: made.queueLimit,
      threadsMax: config.threads.threadsMax,
      connectionsMax: settings.connectionsMax,
    },
  });
}

function connectDatabase(
  { stats }: Parts,
  { database, scanSide, server }: { database: DatabaseService; scanSide: ScanSide; server: Server },
): void {
  const count = (): void => {
    const bytes = sharedBytesOf(database.holder.current.loaded.compiled);
    stats.database(bytes, bytes);
  };
  database.holder.onSwap(({ loaded }) => {
    scanSide.useDatabase(loaded);
    server.notifyDatabaseSwapped();
    count();
  });
  count();
  stats.state('VALID');
}

async function untilStopped(
  signals: Signals,
  { database, log }: { database: DatabaseService; log: DaemonLog },
): Promise<void> {
  for (;;) {
    switch (await signals.next()) {
      case 'stop':
        return;
      case 'reload':
        database.requestReload();
        break;
      case 'reopenLog':
        log.say('info', 'SIGHUP caught: re-opening log file.');
        log.clamdLog?.reopen();
        break;
    }
  }
}

/** The sockets vanish with the process; clients see the end of the stream. */
function exitNow(): void {
  process.exit(1);
}
