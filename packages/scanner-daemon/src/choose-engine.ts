import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { env } from 'node:process';
import type { NativeApi } from '@portcullis/shared/native';
import type { DaemonLog, FailureHandler } from './daemon-log.js';
import { directoriesOf } from './database/load-database.js';
import type { LoadDatabaseOptions } from './database/loaded-database.js';
import type { BuiltinEngineOptions } from './engine/builtin/engine-options.js';
import { libclamavSettings } from './engine/libclamav/engine-settings.js';
import { hostEnvironment } from './libclamav-client/host-environment.js';
import { processHosts, threadHosts } from './libclamav-client/host-connection.js';
import { openLibclamavEngine } from './libclamav-client/libclamav-engine.js';
import { HostReports } from './libclamav-client/host-reports.js';
import { StartError } from './process/start-error.js';
import type { Configuration } from './read-configuration.js';
import { createBuiltinScanEngine } from './scheduler/builtin-scan-engine.js';
import type { ScanEngine } from './scheduler/scan-engine.js';

/** What an engine is made with. */
export interface EngineParts {
  readonly configuration: Configuration;
  readonly sources: LoadDatabaseOptions;
  /** Scan threads. */
  readonly threads: number;
  readonly native: NativeApi;
  readonly log: DaemonLog;
  readonly onFailure: FailureHandler['handle'];
}

/** An engine that was opened, and whether another one may take its place should it refuse the database. */
interface ChosenEngine {
  readonly engine: ScanEngine;
  readonly isOnlyChoice: boolean;
}

/** Which engine SCANNER_ENGINE means before anything was tried: without a clamd.conf, `auto` needs nothing that may be missing. */
export function wantsLibclamav({ settings, configFile }: Configuration): boolean {
  return settings.engine === 'libclamav' || (settings.engine === 'auto' && configFile !== undefined);
}

/**
 * The engine that SCANNER_ENGINE names, or for `auto` the best one that is there and takes the database. Why it is not
 * libclamav is logged.
 *
 * @param load loads its first database; StartError DATABASE where the engine refuses it.
 * @throws StartError ENGINE when libclamav is named and is not there, and whatever `load` throws for the last engine.
 */
export async function openServingEngine<Database>(
  parts: EngineParts,
  load: (engine: ScanEngine) => Promise<Database>,
): Promise<{ readonly engine: ScanEngine; readonly database: Database }> {
  let chosen = await chooseEngine(parts);
  for (;;) {
    const { engine, isOnlyChoice } = chosen;
    try {
      return { engine, database: await load(engine) };
    } catch (error) {
      await engine.stop();
      if (isOnlyChoice || !(error instanceof StartError)) throw error;
      parts.log.say(
        'warning',
        `libclamav does not take the database (${error.message}): the built-in engine is tried`,
      );
      chosen = builtinEngine(parts);
    }
  }
}

async function chooseEngine(parts: EngineParts): Promise<ChosenEngine> {
  const { configuration, log } = parts;
  if (!wantsLibclamav(configuration)) return builtinEngine(parts);
  const isOnlyChoice = configuration.settings.engine === 'libclamav';
  const opened = await openLibclamav(parts);
  if (!('refused' in opened)) return { engine: opened, isOnlyChoice };
  if (isOnlyChoice) throw new StartError('ENGINE', `SCANNER_ENGINE=libclamav: ${opened.refused}`);
  log.say('info', `libclamav is not used: ${opened.refused}`);
  return builtinEngine(parts);
}

/** The engine that needs nothing; said in the log. */
function builtinEngine({ configuration, sources, native, log }: EngineParts): ChosenEngine {
  const { config, settings } = configuration;
  const { fileMaxBytes, scanMaxBytes, scanTimeMaxMs, filesMax, recursionDepthMax } = config.limits;
  const engine = createBuiltinScanEngine(sources, {
    native,
    engineOptions: {
      limits: { fileMaxBytes, scanMaxBytes, scanTimeMaxMs, filesMax, recursionDepthMax },
      engine: builtinEngineOptions(config),
      followFileSymlinks: config.walk.followFileSymlinks,
      sampleDetections: config.logging.extendedDetectionInfo,
    },
    inlineMaxBytes: settings.inlineMaxBytes,
    image: {
      setting: imageSetting(settings.databaseImage),
      systemdCache: env['CACHE_DIRECTORY'],
      xdgCacheHome: env['XDG_CACHE_HOME'],
    },
    onRemark: (text) => {
      log.say('warning', text);
    },
  });
  log.say('info', `Engine: ${engine.description.name}`, { engine: engine.description.name });
  return { engine, isOnlyChoice: true };
}

/** As it is meant here and now: the process changes its directory once it is ready. */
function imageSetting(setting: string | undefined): string | undefined {
  return setting === undefined || setting === '' || setting === 'no'
    ? setting || undefined
    : resolve(setting);
}

function builtinEngineOptions({
  parse,
  limits,
}: EngineParts['configuration']['config']): BuiltinEngineOptions {
  const { archive, mail, html, ole2, pe, elf } = parse;
  return {
    parse: { archive, mail, html, ole2, pe, elf },
    normalise: {
      maxHtmlNormalizeBytes: limits.htmlNormalizeMaxBytes,
      maxHtmlNoTagsBytes: limits.htmlNoTagsMaxBytes,
      maxScriptNormalizeBytes: limits.scriptNormalizeMaxBytes,
    },
    pcre: {
      matchLimit: limits.pcreMatchLimit,
      recursionLimit: limits.pcreRecursionMatchLimit,
      maxFileSizeBytes: limits.pcreFileMaxBytes,
    },
  };
}

function openLibclamav({
  configuration,
  sources,
  threads,
  native,
  log,
  onFailure,
}: EngineParts): Promise<ScanEngine | { readonly refused: string }> {
  const { config, settings } = configuration;
  const engineSettings = libclamavSettings(config);
  const reports = new HostReports(log, { intoClamdLog: config.developer.engineMessagesToLog });
  return openLibclamavEngine({
    host: {
      start:
        settings.isolation === 'yes'
          ? processHosts(native.sockets, hostEnvironment(env))
          : threadHosts(native.sockets),
      lanes: threads,
      host: {
        libraryPath: settings.libclamav,
        settings: engineSettings,
        followFileSymlinks: config.walk.followFileSymlinks,
        sampleDetections: config.logging.extendedDetectionInfo,
      },
      temporaryDirectory: config.process.temporaryDirectory ?? tmpdir(),
      leaveTemporaryFiles: config.process.leaveTemporaryFiles,
    },
    hostEvents: reports,
    databasePaths: directoriesOf(sources),
    native,
    log,
    onFailure,
  });
}
