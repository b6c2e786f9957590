import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  CLAMD_CONF_PATHS,
  checkDaemonConfig,
  describeConfig,
  describeEnv,
  readClamdConfig,
  resolveEnv,
  type ClamdConfig,
  type ConfigIssue,
} from '@portcullis/shared';
import { isErrno } from '@portcullis/shared/native';
import { config as loadDotenv } from 'dotenv';
import type { CommandLineFlags } from './command-line.js';
import type { ListenReading } from './probe/probe.js';
import { SETTINGS_PREFIX, SETTINGS_TABLE, type ScannerSettings } from './settings.js';

/** An environment file or a clamd.conf above this is none. */
const CONFIG_FILE_BYTES_MAX = 1024 * 1024;

type Environment = Readonly<Record<string, string | undefined>>;

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
  const env: Record<string, string | undefined> = { ...processEnv };
  const envIssue = addEnvFile(env, flags.envFile);
  const settings = resolveEnv(SETTINGS_TABLE, env, SETTINGS_PREFIX);
  const envIssues = [
    ...(envIssue === undefined ? [] : [envIssue]),
    ...(settings.kind === 'refused' ? settings.issues : []),
  ];

  const file = findConfigFile(flags.configFile, defaultFiles);
  if (file.kind === 'unreadable') return refused(envIssues, file.path);
  const runDirectory =
    file.kind === 'none'
      ? chooseRunDirectory(settings.kind === 'values' ? settings.values.runDirectory : undefined, env)
      : undefined;
  const path = file.kind === 'found' ? file.path : undefined;
  const text = file.kind === 'found' ? file.bytes : embeddedDefaults(runDirectory ?? '/run/portcullis');
  const reading = readClamdConfig(text, path ?? 'embedded defaults', flags.settings);
  if (reading.config === undefined) {
    return refused([...flags.warnings, ...reading.issues, ...envIssues], path);
  }
  if (reading.settings.helpRequested) return { kind: 'asked', for: 'help' };
  if (reading.settings.versionRequested) return { kind: 'asked', for: 'version' };
  const config = applyFlags(reading.config, flags);
  const issues = [...flags.warnings, ...reading.issues, ...checkDaemonConfig(config), ...envIssues];
  if (settings.kind === 'refused') return { kind: 'refused', issues, followUp: undefined };
  const isForeground =
    config.process.foreground || (path === undefined && !reading.settings.byName.has('Foreground'));
  const readable = {
    configuration: {
      ...{ config, settings: settings.values, configFile: path, runDirectory },
      daemonise: !isForeground,
      warnings: issues,
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

/** Where the daemon of a clamd.conf listens, for a probe; what a start would refuse otherwise does not matter here. */
export function readListen(configFile: string | undefined, processEnv: Environment): ListenReading {
  const flags = { envFile: undefined, checkConfig: false, debug: false, settings: [], warnings: [] };
  const reading = readConfiguration({ ...flags, configFile }, processEnv);
  const listening = ({ configuration }: ReadableConfiguration): ListenReading => ({
    kind: 'listen',
    listen: configuration.config.listen,
    configFile: configuration.configFile,
  });
  switch (reading.kind) {
    case 'ready':
      return listening(reading);
    case 'asked':
      return { kind: 'refused', message: `the file asks for ${reading.for}` };
    case 'refused': {
      if (reading.readable !== undefined) return listening(reading.readable);
      const [first] = reading.issues.filter(({ severity }) => severity === 'error');
      return { kind: 'refused', message: first?.message ?? reading.followUp ?? '' };
    }
  }
}

function refused(issues: readonly ConfigIssue[], path: string | undefined): ConfigurationReading {
  return { kind: 'refused', issues, followUp: `Can't open/parse the config file ${path ?? ''}` };
}

/** Variables that are set already win over the file. */
function addEnvFile(
  env: Record<string, string | undefined>,
  path: string | undefined,
): ConfigIssue | undefined {
  const { error } = loadDotenv({ path: path ?? '.env', quiet: true, processEnv: env });
  if (error === undefined || (path === undefined && isErrno(error, 'ENOENT'))) return undefined;
  const message = `Can't read the environment file ${path ?? '.env'}: ${error.message}`;
  return { severity: 'error', origin: 'portcullis', message };
}

type FoundFile =
  | { readonly kind: 'found'; readonly path: string; readonly bytes: Buffer }
  | { readonly kind: 'unreadable'; readonly path: string }
  | { readonly kind: 'none' };

function findConfigFile(wanted: string | undefined, defaultFiles: readonly string[]): FoundFile {
  for (const path of wanted === undefined ? defaultFiles : [wanted]) {
    try {
      return { kind: 'found', path, bytes: readBounded(path) };
    } catch (error) {
      if (wanted !== undefined || !isErrno(error, 'ENOENT')) return { kind: 'unreadable', path };
    }
  }
  return { kind: 'none' };
}

function readBounded(path: string): Buffer {
  const fd = openSync(path, 'r');
  try {
    if (fstatSync(fd).size > CONFIG_FILE_BYTES_MAX) throw new Error('the file is too large');
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

function chooseRunDirectory(wanted: string | undefined, env: Environment): string {
  if (wanted !== undefined) return wanted;
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
