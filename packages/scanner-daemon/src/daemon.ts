import { AppError, createLogger, type Logger } from '@portcullis/shared';
import type { Launched } from '@portcullis/shared/launch';
import { openNative } from '@portcullis/shared/native';
import {
  assembleServer,
  chooseQueueLimit,
  chooseSources,
  engineParts,
  openScanSide,
  type Parts,
} from './assemble.js';
import { openServingEngine, wantsLibclamav } from './choose-engine.js';
import { VERSION_LINE } from './command-line.js';
import { createDaemonLog, createFailureHandler, type DaemonLog } from './daemon-log.js';
import { openDatabase, sharedBytesOf, type DatabaseService } from './database-service.js';
import { LogFileError, type ClamdLogFile } from './logging/clamd-log-file.js';
import type { LogLine } from './logging/clamd-log.js';
import { ctime } from './logging/log-time.js';
import { openClamdLogs } from './logging/open-clamd-logs.js';
import { optionsWithoutEffect } from './logging/options-without-effect.js';
import { databaseRemarks, openingLines, servingLines } from './logging/startup-lines.js';
import { openOnAccessClient, type OnAccessClient } from './on-access/on-access-client.js';
import type { Account } from './process/account.js';
import { checkTemporaryDirectory } from './process/directory-access.js';
import { claimPidFile, type PidFile } from './process/pid-file.js';
import { raiseMainThread } from './process/priorities.js';
import { dropPrivileges } from './process/privileges.js';
import { prepareRunDirectory } from './process/run-directory.js';
import { Signals } from './process/signals.js';
import { StartError } from './process/start-error.js';
import type { Configuration } from './read-configuration.js';
import type { ScanEngine } from './scheduler/scan-engine.js';
import type { ScanSide } from './scheduler/start-scan-side.js';
import { ListenError } from './server/listen-error.js';
import type { Server } from './server/server.js';
import { resolveListen } from './server/tcp-listener.js';
import { createDaemonStats, type DaemonStats } from './stats/daemon-stats.js';
import { inheritSockets } from './systemd/inherit-sockets.js';
import { createServiceNotifier, type ServiceNotifier } from './systemd/notify.js';
import type { ServiceEnvironment } from './systemd/service-environment.js';
import { systemdDescriptors, type PassedDescriptor } from './systemd/systemd-descriptors.js';
import { createVirusEvent, type VirusEvent } from './virus-event/virus-event.js';

/** How this process was started. */
export interface StartContext {
  readonly stdoutIsTty: boolean;
  /** What systemd gave us. */
  readonly service: ServiceEnvironment;
  /** Somebody waits until we leave the terminal. */
  readonly launched: Launched | undefined;
}

/**
 * Runs the daemon from its first log line to its last. Everything is built here, in the order in which it is needed,
 * and taken down in the opposite order.
 *
 * @returns the exit code (behaviour 2.3).
 */
export async function runDaemon(configuration: Configuration, context: StartContext): Promise<number> {
  const logger = openLogger(configuration, context);
  const signals = new Signals();
  let log = createDaemonLog(logger, undefined);
  let exitCode = 0;
  const stopInOrder = (): void => {
    exitCode = 1;
    signals.raise('stop');
  };
  try {
    const native = openNative();
    const { logFile, ...logs } = openLogs(configuration, logger, { native, stopInOrder });
    log = logs.log;
    const running = await start({ configuration, native, ...logs }, { ...context, signals, logFile });
    await untilStopped(signals, running);
    await stop(configuration, running);
    return exitCode;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    log.say('error', error.message, { event: 'start', code: error.code, ...error.context });
    complain(error);
    return error instanceof StartError ? error.exitCode : 1;
  }
}

/** On the terminal, in clamd's words and places: its logger speaks on standard output (behaviour 2.2, step 6). */
function complain(error: Error): void {
  if (error instanceof LogFileError && error.code !== 'LOG_PATH') {
    process.stdout.write(`ERROR: ${error.message}\n`);
    process.stderr.write("ERROR: Can't initialize the internal logger\n");
  } else {
    process.stderr.write(`ERROR: ${error.message}\n`);
  }
}

/** What a start needs beside {@link Parts}. */
interface Starting extends StartContext {
  readonly signals: Signals;
  readonly logFile: ClamdLogFile | undefined;
}

/** What runs, for as long as it runs. */
interface RunningDaemon {
  readonly log: DaemonLog;
  readonly stats: DaemonStats;
  readonly pidFile: PidFile;
  readonly notifier: ServiceNotifier;
  readonly engine: ScanEngine;
  readonly database: DatabaseService;
  readonly scanSide: ScanSide;
  readonly server: Server;
  readonly virusEvent: VirusEvent | undefined;
  readonly onAccess: OnAccessClient | undefined;
}

/** Behaviour 2.2, from step 8 on. @throws AppError when the daemon cannot start. */
async function start(parts: Parts, context: Starting): Promise<RunningDaemon> {
  const { configuration, native, log, stats } = parts;
  const { config } = configuration;
  const { service, signals, logFile } = context;
  const pidFile = claimPidFile(config.process.pidFilePath, native.files);
  if (configuration.runDirectory !== undefined)
    prepareRunDirectory(configuration.runDirectory, config.process.user);
  const passed = takeDescriptors(service, config.listen);
  // While we are root, and before the nice value is ours alone.
  const onAccess = openOnAccessClient({ ...configuration, onAccess: config.onAccess, log });
  const niceValue = raiseMainThread();
  const privileges = dropPrivileges({
    user: config.process.user,
    listen: passed.length > 0 ? undefined : config.listen,
    runDirectory: configuration.runDirectory,
    handOver: logFile?.giveTo.bind(logFile),
  });
  checkTemporaryDirectory(config.process.temporaryDirectory);
  say(
    log,
    openingLines(config, {
      productLine: VERSION_LINE,
      inheritedSockets: passed.length,
      architecture: process.arch,
    }),
  );
  sayWhatHolds(configuration, log);

  // Before the database: it starts a process of its own, and a fork costs what the forking one weighs.
  const virusEvent = openVirusEvent(parts, context, { niceValue, account: privileges.account });
  const notifier = openNotifier(parts, service);
  const { engine, database } = await notifier.extendWhile(
    openServingEngine(engineParts(parts), (chosen) => loadDatabase(parts, notifier, chosen)),
  );
  const queueLimit = chooseQueueLimit(parts);
  const scanSide = await openScanSide(parts, database, { engine, queueLimit });
  // Not when the sockets are bound, for which root may come back: a name server can take its time.
  const listen = passed.length > 0 ? config.listen : await resolveListen(config.listen);
  const resolved = { ...configuration, config: { ...config, listen } };
  const server = assembleServer(
    { ...parts, configuration: resolved },
    {
      ...{ database, engine, scanSide, queueLimit, signals },
      inherited: passed.length > 0 ? inheritSockets(passed, native.sockets) : undefined,
      onDetection: virusEvent?.report.bind(virusEvent),
    },
  );
  connectDatabase(stats, { database, scanSide, server });
  await privileges.bindSockets(() => server.start());
  engine.onServing();
  pidFile.confirm();
  say(log, servingLines(config, engine.description, process.pid));
  log.say('verbose', `MaxQueue set to: ${queueLimit}`);
  database.startSelfCheck();
  log.say('info', 'Ready for clients', { event: 'listening' });
  notifier.ready(servingStatus(database));
  context.launched?.becomeReady(native.files, { changeDirectory: !config.process.debug });
  onAccess?.serve();
  return { log, stats, pidFile, notifier, engine, database, scanSide, server, virusEvent, onAccess };
}

async function untilStopped(signals: Signals, { database, log }: RunningDaemon): Promise<void> {
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

async function stop({ settings }: Configuration, running: RunningDaemon): Promise<void> {
  const { log, stats, notifier, engine, database, scanSide, server, virusEvent } = running;
  stats.state('EXIT');
  notifier.stopping('Stopping');
  // First: nobody shall wait for a daemon that is about to go.
  await running.onAccess?.stop();
  log.say('verbose', 'Waiting for all threads to finish');
  await notifier.extendWhile(server.stop(settings.stopGraceMs));
  await database.stop();
  await scanSide.stop(0);
  await engine.stop();
  await virusEvent?.stop();
  if (running.pidFile.remove()) log.say('info', 'Pid file removed.');
  log.say('info', `--- Stopped at ${ctime(new Date())}`, { counters: stats.counters });
  log.clamdLog?.close();
  notifier.close();
}

/** A daemon that left its terminal has nobody to read its JSON lines: LogFile and LogSyslog hold clamd's. */
function openLogger({ settings, config }: Configuration, { launched, stdoutIsTty }: StartContext): Logger {
  const asked = config.process.debug && settings.logLevel !== 'silent' ? 'debug' : settings.logLevel;
  const level = launched === undefined ? asked : 'silent';
  return createLogger({ name: 'scanner-daemon', level, stdoutIsTty });
}

/** The logs, what counts, and what becomes of failures. */
function openLogs(
  { config }: Configuration,
  logger: Logger,
  { native, stopInOrder }: { native: Parts['native']; stopInOrder: () => void },
): Pick<Parts, 'log' | 'stats' | 'failures'> & { logFile: ClamdLogFile | undefined } {
  const clamdLogs = openClamdLogs(config, {
    native,
    pid: process.pid,
    onFailure: (err) => {
      logger.error({ event: 'logFile', err }, 'a line of clamd’s log could not be written');
    },
  });
  clamdLogs.file?.write('info', `+++ Started at ${ctime(new Date())}`);
  const log = createDaemonLog(logger, clamdLogs.all);
  const nowMs = (): number => performance.now();
  const stats = createDaemonStats({ idleTimeoutSeconds: config.clocks.idleTimeoutMs / 1000, now: nowMs });
  const failures = createFailureHandler({
    ...{ log, nowMs },
    terminate: exitNow,
    stopInOrder,
    exitOnOutOfMemory: config.process.exitOnOutOfMemory,
  });
  process.on('uncaughtException', (error) => {
    failures.handle('uncaught', error);
  });
  return { log, stats, failures, logFile: clamdLogs.file };
}

/** @throws ListenError for descriptors that cannot be; StartError SERVER_TYPE when there is nothing to listen on. */
function takeDescriptors(
  service: ServiceEnvironment,
  listen: Configuration['config']['listen'],
): readonly PassedDescriptor[] {
  const passed = systemdDescriptors(service, process.pid);
  switch (passed.kind) {
    case 'refused':
      throw new ListenError('SOCKET_FAILED', passed.message);
    case 'descriptors':
      return passed.descriptors;
    case 'none':
      if (listen.localSocketPath === undefined && listen.tcpPort === undefined) {
        throw new StartError('SERVER_TYPE', 'Please define server type (local and/or TCP).');
      }
      return [];
  }
}

function say(log: DaemonLog, lines: readonly LogLine[]): void {
  for (const { severity, text } of lines) log.say(severity, text);
}

function sayWhatHolds(configuration: Configuration, log: DaemonLog): void {
  const { config, configFile, settings } = configuration;
  if (configFile === undefined) {
    log.say('warning', 'No clamd.conf found: embedded defaults hold', {
      engine: wantsLibclamav(configuration) ? 'libclamav' : 'built-in',
      localSocket: config.listen.localSocketPath,
      databaseDirectory: config.database.directory,
      bundledSignatures: settings.bundledSignatures,
    });
  }
}

function openNotifier({ native, log, stats }: Parts, service: ServiceEnvironment): ServiceNotifier {
  return createServiceNotifier({
    native,
    service,
    pid: process.pid,
    isHealthy: () => {
      const { state, threads } = stats.snapshot();
      return state !== 'INVALID' && threads.live > 0;
    },
    onFailure: (err, what) => {
      log.logger.warn({ event: 'notify', err }, what);
    },
    onHealthChange: (isHealthy) => {
      if (isHealthy) log.say('info', 'Able to scan again: the watchdog hears of us');
      else log.say('error', 'Not able to scan: the watchdog hears no more of us');
    },
  });
}

async function loadDatabase(
  { configuration, log, failures }: Parts,
  notifier: ServiceNotifier,
  engine: ScanEngine,
): Promise<DatabaseService> {
  const { database, clocks } = configuration.config;
  for (const line of optionsWithoutEffect(configuration.changedOptions, engine.description)) {
    log.say('warning', line);
  }
  const service = await openDatabase({
    engine,
    sources: chooseSources(configuration),
    remarks: databaseRemarks(configuration.config, engine.description),
    selfCheckIntervalMs: clocks.selfCheckIntervalMs,
    cvdAgeMaxDays: database.cvdAgeMaxDays,
    concurrentReload: database.concurrentReload,
    log,
    onReload: (stage) => {
      if (stage === 'began') notifier.reloading('Reloading signatures');
      else notifier.reloaded('Serving');
    },
    onFailure: failures.handle,
  });
  engine.onLoadedAgain(service.adopt);
  return service;
}

function servingStatus({ holder }: DatabaseService): string {
  return `Serving, ${holder.current.loaded.signatureCount} signatures`;
}

function openVirusEvent(
  { configuration, log }: Parts,
  { launched }: StartContext,
  as: { readonly niceValue: number; readonly account: Account | undefined },
): VirusEvent | undefined {
  const { virusEventCommand: command, debug } = configuration.config.process;
  if (command === undefined) return undefined;
  // Where the daemon will be itself once it is ready.
  const workingDirectory = launched === undefined || debug ? undefined : '/';
  const stderr = launched === undefined ? 'inherit' : 'ignore';
  return createVirusEvent({ ...as, command, log, workingDirectory, stderr });
}

function connectDatabase(
  stats: DaemonStats,
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

/** Socket file and PidFile go with the process (their owners see to that); clients see the end of the stream. */
function exitNow(): void {
  process.exit(1);
}
