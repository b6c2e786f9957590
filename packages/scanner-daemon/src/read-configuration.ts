import { join, resolve } from 'node:path';
import {
  addEnvironmentFile,
  changedOptions,
  CLAMD_CONF_PATHS,
  checkDaemonConfig,
  describeConfig,
  describeEnv,
  readClamdConfig,
  readConfigFile,
  resolveEnv,
  type ClamdConfig,
  type ConfigIssue,
  type Environment,
  type OptionName,
} from '@portcullis/shared';
import { parse as parseDotenv } from 'dotenv';
import type { CommandLineFlags } from './command-line.js';
import type { ListenReading } from './probe/probe.js';
import { SETTINGS_PREFIX, SETTINGS_TABLE, type ScannerSettings } from './settings.js';

/** The effective configuration, and where it came from. */
export interface Configuration {
  readonly config: ClamdConfig;
  readonly settings: ScannerSettings;
  /** Undefined: there is no clamd.conf, the embedded defaults hold. */
  readonly configFile: string | undefined;
  /** Where the socket goes without a clamd.conf; the daemon makes it. */
  readonly runDirectory: string | undefined;
  /**
   * Whether to leave the terminal. Without a clamd.conf nobody has asked for that, unless the command line does.
   */
  readonly daemonise: boolean;
  readonly warnings: readonly ConfigIssue[];
  /** What is set to something else than its default. */
  readonly changedOptions: ReadonlySet<OptionName>;
}

export interface ReadableConfiguration {
  readonly configuration: Configuration;
  /** The values in force, a line each. */
  readonly description: readonly string[];
}

export type ConfigurationReading =
  | ({ readonly kind: 'ready' } & ReadableConfiguration)
  | {
      readonly kind: 'refused';
      /** All problems, warnings included. */
      readonly issues: readonly ConfigIssue[];
      /** clamd's last line about it: `Can't open/parse the config file F`. */
      readonly followUp: string | undefined;
      /** When everything could be read, and it is a value that is refused. */
      readonly readable?: ReadableConfiguration;
    }
  /** `help yes` or `version yes` stands in the file: clamd obeys (behaviour 3.1). */
  | { readonly kind: 'asked'; readonly for: 'help' | 'version' };

/** The daemon in the background is a second process, which reads everything again. */
const PIPE_IN_BACKGROUND: ConfigIssue = {
  severity: 'error',
  origin: 'portcullis',
  message: 'A configuration from a pipe can be read once only: use a file, or stay in the foreground with -F',
};

/**
 * Order: flags, then environment, then clamd.conf, then defaults.
 *
 * @param processEnv `process.env`, from main.
 * @param defaultFiles where clamd.conf is looked for when no flag says.
 */
export function readConfiguration(
  flags: CommandLineFlags,
  processEnv: Environment,
  defaultFiles: readonly string[] = CLAMD_CONF_PATHS,
): ConfigurationReading {
  const environmentFile = addEnvironmentFile(processEnv, {
    path: flags.envFile,
    prefix: SETTINGS_PREFIX,
    parse: parseDotenv,
    isRoot: process.geteuid?.() === 0,
  });
  const { env } = environmentFile;
  const settings = resolveEnv(SETTINGS_TABLE, env, SETTINGS_PREFIX);
  const envIssues = [
    ...(environmentFile.issue === undefined ? [] : [environmentFile.issue]),
    ...(settings.kind === 'refused' ? settings.issues : []),
  ];

  const file = findConfigFile(flags.configFile, defaultFiles);
  if (file.kind === 'unusable') return refused([...envIssues, ...file.issues], file.path);
  const { path, runDirectory, reading } = readFound(file, env, flags.settings);
  if (reading.config === undefined) {
    return refused([...flags.warnings, ...reading.issues, ...envIssues], path);
  }
  if (reading.settings.helpRequested) return { kind: 'asked', for: 'help' };
  if (reading.settings.versionRequested) return { kind: 'asked', for: 'version' };
  const config = applyFlags(reading.config, flags);
  const isForeground =
    config.process.foreground || (path === undefined && !reading.settings.byName.has('Foreground'));
  const isGone = environmentFile.isPipe || (file.kind === 'found' && file.isPipe);
  const issues = [
    ...flags.warnings,
    ...reading.issues,
    ...checkDaemonConfig(config),
    ...envIssues,
    ...(isGone && !isForeground ? [PIPE_IN_BACKGROUND] : []),
  ];
  if (settings.kind === 'refused') return { kind: 'refused', issues, followUp: undefined };
  const readable = {
    configuration: {
      ...{ config, settings: settings.values, configFile: path, runDirectory },
      daemonise: !isForeground,
      warnings: issues,
      changedOptions: changedOptions(reading.settings),
    },
    description: [
      ...describeConfig(reading.settings),
      ...describeEnv(SETTINGS_TABLE, settings.values, SETTINGS_PREFIX),
    ],
  };
  const isRefused = issues.some(({ severity }) => severity === 'error');
  return isRefused
    ? { kind: 'refused', issues, followUp: undefined, readable }
    : { kind: 'ready', ...readable };
}

/**
 * Where the daemon of a clamd.conf listens, for a probe. What a start would refuse otherwise does not matter here, and no
 * variable does but SCANNER_RUN_DIRECTORY, where there is no clamd.conf.
 */
export function readListen(
  configFile: string | undefined,
  env: Environment,
  defaultFiles: readonly string[] = CLAMD_CONF_PATHS,
): ListenReading {
  const file = findConfigFile(configFile, defaultFiles);
  if (file.kind === 'unusable') {
    const [issue] = file.issues;
    return { kind: 'refused', message: issue?.message ?? cannotOpen(file.path) };
  }
  const { path, reading } = readFound(file, env, []);
  const { helpRequested, versionRequested } = reading.settings;
  if (reading.config === undefined) {
    const error = reading.issues.find(({ severity }) => severity === 'error');
    return { kind: 'refused', message: error?.message ?? cannotOpen(path) };
  }
  if (helpRequested || versionRequested) {
    return { kind: 'refused', message: `the file asks for ${helpRequested ? 'help' : 'version'}` };
  }
  return { kind: 'listen', listen: reading.config.listen, configFile: path };
}

function refused(issues: readonly ConfigIssue[], path: string | undefined): ConfigurationReading {
  return { kind: 'refused', issues, followUp: cannotOpen(path) };
}

function cannotOpen(path: string | undefined): string {
  return `Can't open/parse the config file ${path ?? ''}`;
}

type UsableFile =
  | { readonly kind: 'found'; readonly path: string; readonly bytes: Buffer; readonly isPipe: boolean }
  | { readonly kind: 'none' };

type FoundFile =
  UsableFile | { readonly kind: 'unusable'; readonly path: string; readonly issues: readonly ConfigIssue[] };

function findConfigFile(wanted: string | undefined, defaultFiles: readonly string[]): FoundFile {
  for (const path of wanted === undefined ? defaultFiles : [wanted]) {
    const reading = readConfigFile(path);
    switch (reading.kind) {
      case 'read':
        return { kind: 'found', path, bytes: reading.bytes, isPipe: reading.isPipe };
      case 'refused': {
        const message = `Config file ${path}: ${reading.reason}`;
        return { kind: 'unusable', path, issues: [{ severity: 'error', origin: 'portcullis', message }] };
      }
      case 'missing':
        if (wanted === undefined) break;
        return { kind: 'unusable', path, issues: [] };
      case 'unreadable':
        // clamd has one line for it, which follows.
        return { kind: 'unusable', path, issues: [] };
    }
  }
  return { kind: 'none' };
}

function readFound(file: UsableFile, env: Environment, given: CommandLineFlags['settings']) {
  if (file.kind === 'found') {
    const { path, bytes } = file;
    return { path, runDirectory: undefined, reading: readClamdConfig(bytes, path, given) };
  }
  const runDirectory = chooseRunDirectory(env);
  const reading = readClamdConfig(embeddedDefaults(runDirectory), 'embedded defaults', given);
  return { path: undefined, runDirectory, reading };
}

function chooseRunDirectory(env: Environment): string {
  const wanted = env[`${SETTINGS_PREFIX}RUN_DIRECTORY`];
  if (wanted !== undefined && wanted !== '') return wanted;
  const perUser = env['XDG_RUNTIME_DIR'];
  return perUser === undefined || perUser === '' ? '/run/portcullis' : join(perUser, 'portcullis');
}

/** What holds when there is no clamd.conf: one socket for our own group, ClamAV's defaults for the rest. */
function embeddedDefaults(runDirectory: string): string {
  return `LocalSocket ${join(runDirectory, 'clamd.sock')}\nLocalSocketMode 660\n`;
}

/** `--debug`: unlike `debug yes` in the file it does what Debug does (behaviour 2.1). */
function applyFlags(config: ClamdConfig, { debug }: CommandLineFlags): ClamdConfig {
  return { ...config, process: { ...config.process, debug: debug || config.process.debug } };
}

/**
 * The same configuration for a daemon that leaves its working directory: paths that are relative mean what they meant
 * when it was started. In clamd they come to mean something else.
 */
export function withAbsolutePaths(configuration: Configuration): Configuration {
  const absolute = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(path);
  const { config, runDirectory } = configuration;
  const { database, listen, process } = config;
  return {
    ...configuration,
    runDirectory: absolute(runDirectory),
    config: {
      ...config,
      database: {
        ...database,
        directory: resolve(database.directory),
        certificatesDirectory: absolute(database.certificatesDirectory),
      },
      listen: { ...listen, localSocketPath: absolute(listen.localSocketPath) },
      process: {
        ...process,
        pidFilePath: absolute(process.pidFilePath),
        temporaryDirectory: absolute(process.temporaryDirectory),
      },
    },
  };
}
