import { lstat } from 'node:fs/promises';
import {
  addEnvironmentFile,
  AppError,
  checkOnAccessConfig,
  describeConfig,
  CLAMD_CONF_PATHS,
  formatConfigIssue,
  issuesUpToFirstError,
  readClamdConfig,
  readConfigFile,
  resolveEnv,
} from '@portcullis/shared';
import type { ClamdConfig, Environment } from '@portcullis/shared';
import { parse as parseDotenv } from 'dotenv';
import { ENV_PREFIX, SETTINGS } from './settings.js';
import type { Settings } from './settings.js';
import { normalisePath, planMarks } from './watch/mark-plan.js';
import type { MarkPlan } from './watch/mark-plan.js';

/** The configuration does not do: code `BAD_CONFIG`, with one line a problem, worded as ClamAV does where it has words. */
export class ConfigurationError extends AppError<'BAD_CONFIG'> {
  /** What ClamAV would print: up to the first error. */
  readonly lines: readonly string[];
  /** Every problem, for --check-config. */
  readonly allLines: readonly string[];

  constructor(lines: readonly string[], options: { cause?: unknown; allLines?: readonly string[] } = {}) {
    super('BAD_CONFIG', lines.join('\n'), options);
    this.lines = lines;
    this.allLines = options.allLines ?? lines;
  }
}

/** All that the client runs on, read once. */
export interface Configuration {
  readonly config: ClamdConfig;
  readonly configPath: string;
  readonly settings: Settings;
  readonly socketPath: string;
  readonly plan: MarkPlan;
  /** Every option and its value, for --check-config. */
  readonly described: readonly string[];
  /** Said once at the start, one line each. */
  readonly warnings: readonly string[];
}

export interface ConfigurationSources {
  /** From the command line; undefined: looked for where distributions put it. */
  readonly configPath: string | undefined;
  /** From the command line; undefined: `.env` of the working directory, if it is there. */
  readonly settingsPath: string | undefined;
  readonly env: Environment;
}

/** @throws ConfigurationError naming everything that is wrong */
export async function readConfiguration(sources: ConfigurationSources): Promise<Configuration> {
  const environmentFile = addEnvironmentFile(sources.env, {
    path: sources.settingsPath,
    prefix: ENV_PREFIX,
    parse: parseDotenv,
    isRoot: process.geteuid?.() === 0,
  });
  const fileIssues = environmentFile.issue === undefined ? [] : [environmentFile.issue];
  const environment = resolveEnv(SETTINGS, environmentFile.env, ENV_PREFIX);
  if (environment.kind === 'refused' || fileIssues.some(({ severity }) => severity === 'error')) {
    const issues = [...fileIssues, ...(environment.kind === 'refused' ? environment.issues : [])];
    throw new ConfigurationError(issues.map(formatConfigIssue));
  }
  const found = findConfig(sources.configPath);
  const reading = readClamdConfig(found.text, found.path);
  if (reading.config === undefined) {
    const last = `ERROR: Clamonacc: can't parse clamd configuration file ${found.path}`;
    const lines = issuesUpToFirstError(reading.issues).map(formatConfigIssue);
    const allLines = [...reading.issues.map(formatConfigIssue), last];
    throw new ConfigurationError([...lines, last], { allLines });
  }
  const { config } = reading;
  const plan = await planOf(config, sources.env['TMPDIR']);
  const errors = plan.issues.filter(({ severity }) => severity === 'error').flatMap(({ lines }) => lines);
  const socketPath = config.listen.localSocketPath;
  errors.push(...notYet(config, socketPath));
  if (errors.length > 0 || socketPath === undefined) throw new ConfigurationError(errors);
  const warnings = [
    ...fileIssues.map(formatConfigIssue),
    ...reading.issues.map(formatConfigIssue),
    ...checkOnAccessConfig(config).map(formatConfigIssue),
    ...withoutEffect(config),
    ...plan.issues.flatMap(({ lines }) => lines),
  ];
  const described = describeConfig(reading.settings);
  return {
    config,
    configPath: found.path,
    settings: environment.values,
    socketPath,
    plan,
    described,
    warnings,
  };
}

/** What clamd.conf asks for and this version cannot do is said and refused, never silently left out. */
function notYet(config: ClamdConfig, socketPath: string | undefined): string[] {
  const lines: string[] = [];
  const { onAccess } = config;
  if (onAccess.mountPaths.length > 0) {
    lines.push('ERROR: OnAccessMountPath is not supported yet: use OnAccessIncludePath');
  } else if (onAccess.includePaths.length === 0) {
    lines.push('ERROR: ClamInotif: Please specify at least one path with OnAccessIncludePath');
  }
  if (onAccess.excludePaths.length > 0) lines.push('ERROR: OnAccessExcludePath is not supported yet');
  if (onAccess.disableDdd) lines.push('ERROR: OnAccessDisableDDD is not supported yet');
  if (socketPath === undefined) {
    lines.push(
      'ERROR: LocalSocket is not set: descriptors can be passed on over a Unix socket only, TCP is not supported yet',
    );
  }
  return lines;
}

/** What weakens nothing when it is left out, but should not be left out in silence. */
function withoutEffect({ onAccess }: ClamdConfig): string[] {
  const lines: string[] = [];
  if (onAccess.extraScanning) lines.push('WARNING: OnAccessExtraScanning has no effect yet');
  if (onAccess.retryAttempts > 0) lines.push('WARNING: OnAccessRetryAttempts has no effect yet');
  return lines;
}

async function planOf(config: ClamdConfig, environmentTmp: string | undefined): Promise<MarkPlan> {
  const found = new Map<string, { kind: 'directory' | 'other'; device: number }>();
  const input = {
    includePaths: config.onAccess.includePaths,
    temporaryDirectory: config.process.temporaryDirectory ?? environmentTmp ?? '/tmp',
    depth: 'tree' as const,
    lookUp: (path: string) => found.get(path)?.kind ?? 'missing',
    deviceOf: (path: string) => found.get(path)?.device,
  };
  for (const path of input.includePaths.map(normalisePath)) {
    try {
      const status = await lstat(path);
      found.set(path, { kind: status.isDirectory() ? 'directory' : 'other', device: status.dev });
    } catch {
      // Missing, or unreadable: root can read everything that is there.
    }
  }
  return planMarks(input);
}

/** The first that can be read. */
function findConfig(given: string | undefined): { path: string; text: Buffer } {
  const candidates = given === undefined ? CLAMD_CONF_PATHS : [given];
  let reason = '';
  for (const path of candidates) {
    const reading = readConfigFile(path);
    if (reading.kind === 'read') return { path, text: reading.bytes };
    reason = reading.kind === 'missing' ? 'No such file or directory' : reading.reason;
  }
  const line = `ERROR: Clamonacc: can't parse clamd configuration file ${candidates.join(', ')}`;
  throw new ConfigurationError([`${line}: ${reason}`]);
}
