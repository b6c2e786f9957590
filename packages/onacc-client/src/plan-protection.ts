import { realpath, stat } from 'node:fs/promises';
import { messageOf } from '@portcullis/shared';
import type { ClamdConfig } from '@portcullis/shared';
import type { PatternApi } from '@portcullis/shared/native';
import { leftOutPaths } from './mounts/filesystem-check.js';
import { leadTo } from './mounts/lead-to.js';
import { parseFilesystemTypes, uselessInclusions } from './policy/filesystem-policy.js';
import type { Settings } from './settings.js';
import { compileExcludedPaths } from './watch/excluded-paths.js';
import type { IsExcluded } from './watch/excluded-paths.js';
import { isBelow, normalisePath, planMarks } from './watch/mark-plan.js';
import { readListFile } from './watch/read-list-file.js';

/** What is to be protected, and by which kind of marks. Paths are absolute and normalised. */
export interface ProtectionPlan {
  readonly strategy: 'directory' | 'mount' | 'filesystem';
  /** `single`: the paths alone, without what is below them (OnAccessDisableDDD). */
  readonly depth: 'tree' | 'single';
  /** What is marked: the trees, or the paths whose mounts or filesystems are. */
  readonly paths: readonly string[];
  /**
   * What of the marked mounts or filesystems is protected: each path as written and where its links lead, since the kernel tells
   * of real paths. Empty: everything.
   */
  readonly scope: readonly string[];
  readonly exclusions: Exclusions;
}

/** What is left out. */
export interface Exclusions {
  /** OnAccessExcludePath as written. */
  readonly patterns: readonly string[];
  /** By their exact path: the exclude list, and the daemon's temporary directory unless the daemon's opens are known by its process. */
  readonly directories: readonly string[];
}

/** A plan, and what is to be said of it; with errors it is not to be used. */
export interface PlannedProtection {
  readonly plan: ProtectionPlan;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** What is worth knowing and nobody's mistake. */
  readonly notes: readonly string[];
}

export interface PlanSources {
  readonly config: Pick<ClamdConfig, 'onAccess' | 'process'>;
  readonly settings: Pick<Settings, 'marks' | 'includeFilesystems'>;
  readonly watchListFile: string | undefined;
  readonly excludeListFile: string | undefined;
  /** TMPDIR. */
  readonly environmentTmp: string | undefined;
  readonly patterns: PatternApi;
  /** Whether the daemon's own opens are let through by its process; asked only where whole mounts are marked. */
  readonly isDaemonKnown: () => boolean;
}

/** Which paths are protected, by the options, the list files and what is there now (behaviour 4.3, 4.7). Never throws. */
export async function planProtection(sources: PlanSources): Promise<PlannedProtection> {
  const { onAccess, process } = sources.config;
  const temporaryDirectory = process.temporaryDirectory ?? sources.environmentTmp ?? '/tmp';
  const [watchList, excludeList] = await Promise.all([
    readList(sources.watchListFile, 'watch', temporaryDirectory),
    readList(sources.excludeListFile, 'exclude', temporaryDirectory),
  ]);
  const strategy = strategyOf(sources);
  // What the daemon writes there it may open again: those opens must not wait for the daemon.
  const isTemporaryExcluded = strategy === 'directory' || !sources.isDaemonKnown();
  const exclusions: Exclusions = {
    patterns: onAccess.excludePaths,
    directories: await withRealPaths([
      ...excludeList.paths,
      ...(isTemporaryExcluded ? [normalisePath(temporaryDirectory)] : []),
    ]),
  };
  const isExcluded = compileOrComplain(exclusions, sources.patterns);
  const listed = [...watchList.issues, ...excludeList.issues];
  const errors = [
    ...listed.filter(({ severity }) => severity === 'error').map(({ line }) => line),
    ...(typeof isExcluded === 'string' ? [isExcluded] : []),
  ];
  const warnings = listed.filter(({ severity }) => severity === 'warning').map(({ line }) => line);
  const includePaths = [...onAccess.includePaths, ...watchList.paths];
  const planned =
    onAccess.mountPaths.length > 0
      ? planMounts(sources, strategy, exclusions)
      : await planTrees(sources, {
          ...{ strategy, includePaths, exclusions, temporaryDirectory },
          isExcluded: typeof isExcluded === 'string' ? () => false : isExcluded,
        });
  if (isTemporaryExcluded) warnings.push(...(await temporaryHole(planned.plan, temporaryDirectory)));
  return {
    plan: planned.plan,
    errors: [...errors, ...planned.errors],
    warnings: [...warnings, ...planned.warnings],
    notes: planned.notes,
  };
}

function strategyOf({ config, settings }: PlanSources): ProtectionPlan['strategy'] {
  if (config.onAccess.mountPaths.length === 0) return settings.marks;
  return settings.marks === 'filesystem' ? 'filesystem' : 'mount';
}

/** What is to be said of a temporary directory that is left out of what is protected. */
async function temporaryHole(
  { strategy, depth, paths, scope }: ProtectionPlan,
  temporaryDirectory: string,
): Promise<readonly string[]> {
  if (depth === 'single') return [];
  const written = normalisePath(temporaryDirectory);
  const names = await withRealPaths([written]);
  const places = await withRealPaths(paths);
  const isInside =
    names.some((name) => places.some((place) => isBelow(name, place))) ||
    // Of a mount everything is protected, wherever on it the path lies.
    (strategy !== 'directory' && scope.length === 0 && (await isOnDeviceOf(written, paths)));
  if (!isInside) return [];
  const reason =
    strategy === 'directory'
      ? "it is the daemon's temporary directory"
      : "it is the daemon's temporary directory, and over TCP or a socket of systemd the daemon's own opens cannot be told from others'";
  return [
    `WARNING: '${written}' and what is below it is not protected: ${reason}. Set TemporaryDirectory to one that nobody else uses`,
  ];
}

async function isOnDeviceOf(path: string, others: readonly string[]): Promise<boolean> {
  const found = await lookUpAll([path, ...others]);
  const device = found.get(normalisePath(path))?.device;
  return device !== undefined && others.some((other) => found.get(normalisePath(other))?.device === device);
}

async function readList(path: string | undefined, kind: 'watch' | 'exclude', temporaryDirectory: string) {
  return path === undefined
    ? { paths: [], issues: [] }
    : await readListFile(path, { kind, temporaryDirectory });
}

/** Tried here, so that a pattern that cannot be used stops the start and not a gate. @returns the complaint */
function compileOrComplain({ patterns, directories }: Exclusions, api: PatternApi): IsExcluded | string {
  try {
    return compileExcludedPaths(patterns, api, { exactPaths: directories });
  } catch (error) {
    return `ERROR: ${messageOf(error)}`;
  }
}

/** As written, and where that leads: some ask by one name and some by the other. */
async function withRealPaths(paths: readonly string[]): Promise<readonly string[]> {
  const all = new Set(paths);
  for (const path of paths) {
    try {
      all.add(await realpath(path));
    } catch {
      // Not there: it has one name then.
    }
  }
  return [...all];
}

/** OnAccessMountPath goes before OnAccessIncludePath, as in clamonacc; that a mount is not there yet is no error. */
function planMounts(
  { config, watchListFile }: PlanSources,
  strategy: ProtectionPlan['strategy'],
  exclusions: Exclusions,
): PlannedProtection {
  const { mountPaths, disableDdd } = config.onAccess;
  const paths = mountPaths.map(normalisePath);
  const errors = paths
    .filter((path) => !path.startsWith('/'))
    .map((path) => `ERROR: ClamFanotif: can't include mountpoint '${path}': it is not absolute`);
  const warnings: string[] = [];
  if (watchListFile !== undefined) warnings.push(ignoredWithMounts('--watch-list'));
  if (disableDdd) warnings.push(ignoredWithMounts('OnAccessDisableDDD'));
  return { plan: { strategy, depth: 'tree', paths, scope: [], exclusions }, errors, warnings, notes: [] };
}

function ignoredWithMounts(option: string): string {
  return `WARNING: ${option} has no effect with OnAccessMountPath: everything on those mounts is protected`;
}

async function planTrees(
  { config, settings }: PlanSources,
  given: {
    readonly strategy: ProtectionPlan['strategy'];
    readonly includePaths: readonly string[];
    readonly exclusions: Exclusions;
    readonly temporaryDirectory: string;
    readonly isExcluded: IsExcluded;
  },
): Promise<PlannedProtection> {
  const { includePaths, exclusions, strategy } = given;
  const { disableDdd } = config.onAccess;
  const depth = disableDdd && strategy === 'directory' ? 'single' : 'tree';
  const included = parseFilesystemTypes(settings.includeFilesystems);
  // Under marks of mounts and filesystems the watcher tells itself what it leaves out.
  const leftOut = strategy === 'directory' ? await leftOutPaths(includePaths, included) : [];
  const left = new Set(leftOut.map(({ path }) => path));
  const kept = includePaths.filter((path) => !left.has(normalisePath(path)));
  const found = await lookUpAll(kept);
  const marks = planMarks({
    includePaths: kept,
    temporaryDirectory: given.temporaryDirectory,
    depth,
    lookUp: (path) => found.get(path)?.kind ?? 'missing',
    deviceOf: (path) => found.get(path)?.device,
    realPathOf: (path) => found.get(path)?.realPath,
    isExcluded: given.isExcluded,
  });
  const paths = marks.roots.map(({ path }) => path);
  const linesOf = (wanted: 'error' | 'warning' | 'info'): string[] =>
    marks.issues.filter(({ severity }) => severity === wanted).flatMap(({ lines }) => lines);
  const errors = linesOf('error');
  const warnings = [
    ...uselessInclusions(included),
    ...leftOut.flatMap(({ lines }) => lines),
    ...linesOf('warning'),
  ];
  if (includePaths.length === 0) errors.push(...(disableDdd ? NO_PATH_SINGLE : NO_PATH));
  if (disableDdd && depth === 'tree') {
    warnings.push(`WARNING: OnAccessDisableDDD has no effect with ONACC_MARKS=${strategy}`);
  }
  const scope = strategy === 'directory' ? [] : await withWhereTheyLead(paths);
  return { plan: { strategy, depth, paths, scope, exclusions }, errors, warnings, notes: linesOf('info') };
}

/** As {@link withRealPaths}, of what may come later: its mount is marked then, its scope is made now. */
async function withWhereTheyLead(paths: readonly string[]): Promise<readonly string[]> {
  const all = new Set(paths);
  for (const path of paths) all.add((await leadTo(path)) ?? path);
  return [...all];
}

const NO_PATH = ['ERROR: ClamInotif: Please specify at least one path with OnAccessIncludePath'];
const NO_PATH_SINGLE = [
  'ERROR: ClamFanotif: please specify at least one path with OnAccessIncludePath',
  "ERROR: Clamonacc: can't setup fanotify",
];

interface FoundPath {
  readonly kind: 'directory' | 'other';
  readonly device: number;
  readonly realPath: string;
}

async function lookUpAll(paths: readonly string[]): Promise<ReadonlyMap<string, FoundPath>> {
  const found = new Map<string, FoundPath>();
  for (const path of paths.map(normalisePath)) {
    try {
      const [status, realPath] = await Promise.all([stat(path), realpath(path)]);
      found.set(path, { kind: status.isDirectory() ? 'directory' : 'other', device: status.dev, realPath });
    } catch {
      // Missing, or unreadable: root can read everything that is there.
    }
  }
  return found;
}
