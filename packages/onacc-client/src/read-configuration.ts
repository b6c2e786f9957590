import {
  addEnvironmentFile,
  AppError,
  checkOnAccessConfig,
  describeConfig,
  CLAMD_CONF_PATHS,
  formatConfigIssue,
  issuesUpToFirstError,
  messageOf,
  readClamdConfig,
  readConfigFile,
  resolveEnv,
} from '@portcullis/shared';
import type { ClamdConfig, Environment } from '@portcullis/shared';
import { openNative } from '@portcullis/shared/native';
import type { PatternApi } from '@portcullis/shared/native';
import { parse as parseDotenv } from 'dotenv';
import { checkQuarantineDirectory } from './actions/quarantine-directory.js';
import type { DirectoryCheck } from './actions/quarantine-directory.js';
import type { ClientFlags } from './command-line.js';
import { failurePolicy } from './failure-actions.js';
import { planProtection } from './plan-protection.js';
import type { ProtectionPlan } from './plan-protection.js';
import type { FailurePolicy } from './policy/decide.js';
import { userExclusion } from './policy/screen.js';
import { resolveUsers } from './resolve-users.js';
import { EndpointError, resolveEndpoint } from './scan/endpoint.js';
import type { DaemonRoute } from './scan/endpoint.js';
import { ENV_PREFIX, SETTINGS } from './settings.js';
import type { Settings } from './settings.js';

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
  /** Where the daemon is, and how files get there. */
  readonly route: DaemonRoute;
  readonly plan: ProtectionPlan;
  readonly failurePolicy: FailurePolicy;
  /** Whose opens are let through, all three options together. */
  readonly excludedUids: readonly number[];
  /** Scans under way at a time: OnAccessMaxThreads where it is set, else ONACC_SCANS_IN_FLIGHT. */
  readonly scansInFlightMax: number;
  /** Every option and its value, for --check-config. */
  readonly described: readonly string[];
  /** Said once at the start, one line each. */
  readonly warnings: readonly string[];
}

/** What of the command line the configuration depends on. */
export type ConfigurationFlags = Partial<
  Pick<ClientFlags, 'configFile' | 'envFile' | 'watchListFile' | 'excludeListFile' | 'transfer' | 'action'>
>;

interface Environs {
  readonly settings: Settings;
  readonly warnings: readonly string[];
}

/** Opens files, asks for accounts and names: before anything is marked. @throws ConfigurationError naming everything that is wrong */
export async function readConfiguration(flags: ConfigurationFlags, env: Environment): Promise<Configuration> {
  const { settings, warnings: environmentWarnings } = readEnvironment(flags, env);
  const found = findConfig(flags.configFile);
  const reading = readClamdConfig(found.text, found.path);
  if (reading.config === undefined) {
    const last = `ERROR: Clamonacc: can't parse clamd configuration file ${found.path}`;
    const lines = issuesUpToFirstError(reading.issues).map(formatConfigIssue);
    const allLines = [...reading.issues.map(formatConfigIssue), last];
    throw new ConfigurationError([...lines, last], { allLines });
  }
  const { config } = reading;
  const planned = await planProtection({
    ...{ config, settings, environmentTmp: env['TMPDIR'], patterns: patternsOfThisThread() },
    ...{ watchListFile: flags.watchListFile, excludeListFile: flags.excludeListFile },
  });
  const quarantine = checkAction(flags.action, planned.plan.paths);
  const errors = [...planned.errors, ...quarantine.errors];
  const keep = (lines: readonly string[]): void => void errors.push(...lines);
  const route = await orComplain(resolveEndpoint(config.listen, flags.transfer === 'stream'), keep);
  const unameUids = await orComplain(resolveUsers(config.onAccess.excludeUnames), keep);
  if (errors.length > 0 || route === undefined || unameUids === undefined) {
    throw new ConfigurationError(errors);
  }
  const { denyOnError, excludeUids, excludeRootUid, maxThreads } = config.onAccess;
  return {
    config,
    configPath: found.path,
    settings,
    route,
    plan: planned.plan,
    failurePolicy: failurePolicy({ denyOnError, overrides: overridesOf(settings) }),
    excludedUids: userExclusion({ excludeUids, unameUids, excludeRoot: excludeRootUid }).uids,
    scansInFlightMax: reading.settings.byName.has('OnAccessMaxThreads')
      ? Math.max(1, maxThreads)
      : settings.scansInFlight,
    described: describeConfig(reading.settings),
    warnings: [
      ...environmentWarnings,
      ...reading.issues.map(formatConfigIssue),
      ...checkOnAccessConfig(config).map(formatConfigIssue),
      ...route.warnings,
      ...planned.warnings,
      ...quarantine.warnings,
    ],
  };
}

function readEnvironment(flags: ConfigurationFlags, env: Environment): Environs {
  const file = addEnvironmentFile(env, {
    path: flags.envFile,
    prefix: ENV_PREFIX,
    parse: parseDotenv,
    isRoot: process.geteuid?.() === 0,
  });
  const fileIssues = file.issue === undefined ? [] : [file.issue];
  const environment = resolveEnv(SETTINGS, file.env, ENV_PREFIX);
  if (environment.kind === 'refused' || fileIssues.some(({ severity }) => severity === 'error')) {
    const issues = [...fileIssues, ...(environment.kind === 'refused' ? environment.issues : [])];
    throw new ConfigurationError(issues.map(formatConfigIssue));
  }
  return { settings: environment.values, warnings: fileIssues.map(formatConfigIssue) };
}

function checkAction(action: ClientFlags['action'] | undefined, paths: readonly string[]): DirectoryCheck {
  if (action?.kind !== 'move' && action?.kind !== 'copy') return { errors: [], warnings: [] };
  const { errors, warnings } = checkQuarantineDirectory(action.directory, paths);
  return {
    errors: errors.length === 0 ? [] : [...errors.map(asError), "ERROR: Clamonacc: can't setup client"],
    warnings: warnings.map((line) => `WARNING: ${line}`),
  };
}

function asError(line: string): string {
  return `ERROR: ${line}`;
}

let patterns: PatternApi | undefined;

/** What was compiled stays until the process ends: a reload must find it again. */
function patternsOfThisThread(): PatternApi {
  patterns ??= openNative().patterns;
  return patterns;
}

/** @returns undefined after a failure, whose lines were handed on */
async function orComplain<Value>(
  work: Promise<Value>,
  complain: (lines: readonly string[]) => void,
): Promise<Value | undefined> {
  try {
    return await work;
  } catch (error) {
    complain(error instanceof EndpointError ? error.lines : [`ERROR: ${messageOf(error)}`]);
    return undefined;
  }
}

/** ONACC_ON_…, one variable a cause. */
function overridesOf(settings: Settings): NonNullable<Parameters<typeof failurePolicy>[0]['overrides']> {
  return {
    tooLarge: settings.onTooLarge,
    incomplete: settings.onIncomplete,
    scanError: settings.onScanError,
    timeout: settings.onTimeout,
    daemonDown: settings.onDaemonDown,
    overload: settings.onOverload,
    internalError: settings.onInternalError,
    stopping: settings.onStopping,
  };
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
