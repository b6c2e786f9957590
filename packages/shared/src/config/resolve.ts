import type { OptionReader } from './option-reader.js';
import { resolveOnAccess } from './resolve-on-access.js';
import type { OnAccessConfig } from './resolve-on-access.js';
import type { ScanConfig } from './resolve-scan.js';
import { resolveScan } from './resolve-scan.js';

/** A clamd.conf with defaults filled in and units converted; frozen throughout. Hand a module its slice, not the whole. */
export interface ClamdConfig extends ScanConfig {
  readonly listen: ReturnType<typeof resolveListen>;
  readonly commands: ReturnType<typeof resolveCommands>;
  readonly streams: ReturnType<typeof resolveStreams>;
  readonly threads: ReturnType<typeof resolveThreads>;
  readonly clocks: ReturnType<typeof resolveClocks>;
  readonly walk: ReturnType<typeof resolveWalk>;
  readonly logging: ReturnType<typeof resolveLogging>;
  readonly process: ReturnType<typeof resolveProcess>;
  readonly database: ReturnType<typeof resolveDatabase>;
  readonly developer: ReturnType<typeof resolveDeveloper>;
  readonly prelude: ReturnType<typeof resolvePrelude>;
  readonly onAccess: OnAccessConfig;
}

/** Builds the configuration from effective option values. Never fails: values were checked when they were read. */
export function resolveClamdConfig(options: OptionReader): ClamdConfig {
  return Object.freeze({
    ...resolveScan(options),
    listen: Object.freeze(resolveListen(options)),
    commands: Object.freeze(resolveCommands(options)),
    streams: Object.freeze(resolveStreams(options)),
    threads: Object.freeze(resolveThreads(options)),
    clocks: Object.freeze(resolveClocks(options)),
    walk: Object.freeze(resolveWalk(options)),
    logging: Object.freeze(resolveLogging(options)),
    process: Object.freeze(resolveProcess(options)),
    database: Object.freeze(resolveDatabase(options)),
    developer: Object.freeze(resolveDeveloper(options)),
    prelude: Object.freeze(resolvePrelude(options)),
    onAccess: Object.freeze(resolveOnAccess(options)),
  });
}

function resolveListen(options: OptionReader) {
  const localSocketModeText = options.text('LocalSocketMode');
  return {
    localSocketPath: options.text('LocalSocket'),
    /** Group name or decimal gid. */
    localSocketGroup: options.text('LocalSocketGroup'),
    localSocketModeText,
    /** Masked with 0666; undefined when unset or not octal (a start-up error, see checkDaemonConfig). */
    localSocketMode: parseSocketMode(localSocketModeText),
    fixStaleSocket: options.bool('FixStaleSocket'),
    tcpPort: options.optionalCount('TCPSocket'),
    /** Empty or `all` = wildcard; clients read `any` as wildcard too. */
    tcpAddresses: options.texts('TCPAddr'),
    backlogMax: options.count('MaxConnectionQueueLength'),
  };
}

function parseSocketMode(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-7]{1,10}$/.test(text) ? Number.parseInt(text, 8) & 0o666 : undefined;
}

/** False: the command answers COMMAND UNAVAILABLE, or an ERROR reply for ALLMATCHSCAN. */
function resolveCommands(options: OptionReader) {
  return {
    shutdown: options.bool('EnableShutdownCommand'),
    reload: options.bool('EnableReloadCommand'),
    selfCheck: options.bool('EnableSelfCheckCommand'),
    version: options.bool('EnableVersionCommand'),
    stats: options.bool('EnableStatsCommand'),
    allMatchScan: options.bool('AllowAllMatchScan'),
  };
}

function resolveStreams(options: OptionReader) {
  return {
    streamMaxBytes: options.bytes('StreamMaxLength'),
    portMin: options.count('StreamMinPort'),
    portMax: options.count('StreamMaxPort'),
  };
}

function resolveThreads(options: OptionReader) {
  return { threadsMax: options.count('MaxThreads'), queueMax: options.count('MaxQueue') };
}

function resolveClocks(options: OptionReader) {
  return {
    readTimeoutMs: options.durationMs('ReadTimeout'),
    commandReadTimeoutMs: options.durationMs('CommandReadTimeout'),
    sendBufTimeoutMs: options.durationMs('SendBufTimeout'),
    idleTimeoutMs: options.durationMs('IdleTimeout'),
    /** 0 = no self check. */
    selfCheckIntervalMs: options.durationMs('SelfCheck'),
  };
}

function resolveWalk(options: OptionReader) {
  return {
    /** POSIX extended, case-sensitive, unanchored. */
    excludePathPatterns: options.texts('ExcludePath'),
    /** Infinity = unlimited. */
    directoryDepthMax: options.countOrUnlimited('MaxDirectoryRecursion'),
    followDirectorySymlinks: options.bool('FollowDirectorySymlinks'),
    followFileSymlinks: options.bool('FollowFileSymlinks'),
    crossFilesystems: options.bool('CrossFilesystems'),
  };
}

function resolveLogging(options: OptionReader) {
  return {
    filePath: options.text('LogFile'),
    fileUnlocked: options.bool('LogFileUnlock'),
    /** Infinity = never rotate. */
    fileMaxBytes: options.bytes('LogFileMaxSize'),
    timestamps: options.bool('LogTime'),
    cleanFiles: options.bool('LogClean'),
    syslog: options.bool('LogSyslog'),
    syslogFacility: options.text('LogFacility') ?? 'LOG_LOCAL6',
    verbose: options.bool('LogVerbose'),
    rotate: options.bool('LogRotate'),
    extendedDetectionInfo: options.bool('ExtendedDetectionInfo'),
  };
}

function resolveProcess(options: OptionReader) {
  return {
    pidFilePath: options.text('PidFile'),
    user: options.text('User'),
    foreground: options.bool('Foreground'),
    debug: options.bool('Debug'),
    temporaryDirectory: options.text('TemporaryDirectory'),
    leaveTemporaryFiles: options.bool('LeaveTemporaryFiles'),
    exitOnOutOfMemory: options.bool('ExitOnOOM'),
    /** Shell command, run on each detection. */
    virusEventCommand: options.text('VirusEvent'),
  };
}

function resolveDatabase(options: OptionReader) {
  return {
    directory: options.text('DatabaseDirectory') ?? '',
    certificatesDirectory: options.text('CVDCertsDirectory'),
    officialOnly: options.bool('OfficialDatabaseOnly'),
    /** Undefined = no age check. */
    cvdAgeMaxDays: options.optionalCount('FailIfCvdOlderThan'),
    concurrentReload: options.bool('ConcurrentDatabaseReload'),
    fipsHashLimits: options.bool('FIPSCryptoHashLimits'),
  };
}

function resolveDeveloper(options: OptionReader) {
  return {
    acOnly: options.bool('DevACOnly'),
    acDepth: options.optionalCount('DevACDepth'),
    performance: options.bool('DevPerformance'),
    engineMessagesToLog: options.bool('DevLiblog'),
  };
}

function resolvePrelude(options: OptionReader) {
  return {
    enabled: options.bool('PreludeEnable'),
    analyzerName: options.text('PreludeAnalyzerName') ?? 'ClamAV',
  };
}
