import {
  addEnvironmentFile,
  AppError,
  checkOnAccessConfig,
  describeConfig,
  formatConfigIssue,
  issuesUpToFirstError,
  messageOf,
  readClamdConfig,
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
import { cannotParse, findConfigFile } from './find-config-file.js';
import { planProtection } from './plan-protection.js';
import type { ProtectionPlan } from './plan-protection.js';
import type { FailurePolicy } from './policy/decide.js';
import { userExclusion } from './policy/screen.js';
import { isDaemonKnown } from './process/known-daemon.js';
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
  /** As the warnings, of what is nobody's mistake. */
  readonly notes: readonly string[];
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
  const found = findConfigFile(flags.configFile);
  if (found.kind === 'none') throw new ConfigurationError([`${found.line}: ${found.reason}`]);
  const reading = readClamdConfig(found.bytes, found.path);
  if (reading.config === undefined) {
    const last = cannotParse(found.path);
    const lines = issuesUpToFirstError(reading.issues).map(formatConfigIssue);
    const allLines = [...reading.issues.map(formatConfigIssue), last];
    throw new ConfigurationError([...lines, last], { allLines });
  }
  const { config } = reading;
  const routeErrors: string[] = [];
  const route = await orComplain(
    resolveEndpoint(config.listen, flags.transfer === 'stream'),
    (lines) => void routeErrors.push(...lines),
  );
  const planned = await planProtection({
    ...{ config, settings, environmentTmp: env['TMPDIR'], patterns: patternsOfThisThread() },
    ...{ watchListFile: flags.watchListFile, excludeListFile: flags.excludeListFile },
    isDaemonKnown: () => route !== undefined && isDaemonKnown(openNative(), route.endpoint),
  });
  const quarantine = checkAction(flags.action, planned.plan.paths);
  const errors = [...planned.errors, ...quarantine.errors, ...routeErrors];
  const unameUids = await orComplain(
    resolveUsers(config.onAccess.excludeUnames),
    (lines) => void errors.push(...lines),
  );
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
    notes: planned.notes,
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
  const { gates, gatesMax } = environment.values;
  if (gates > gatesMax) {
    throw new ConfigurationError([
      `ERROR: ${ENV_PREFIX}GATES=${gates} is more than ${ENV_PREFIX}GATES_MAX=${gatesMax}: the threads to begin with are among those at most`,
    ]);
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
