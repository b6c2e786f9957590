import { realpath, stat } from 'node:fs/promises';
import { messageOf } from '@portcullis/shared';
import type { ClamdConfig } from '@portcullis/shared';
import type { PatternApi } from '@portcullis/shared/native';
import { leftOutPaths } from './mounts/filesystem-check.js';
import { parseFilesystemTypes, uselessInclusions } from './policy/filesystem-policy.js';
import type { Settings } from './settings.js';
import { compileExcludedPaths } from './watch/excluded-paths.js';
import type { IsExcluded } from './watch/excluded-paths.js';
import { normalisePath, planMarks } from './watch/mark-plan.js';
import { readListFile } from './watch/read-list-file.js';

/** What is to be protected, and by which kind of marks. Paths are absolute and normalised. */
export interface ProtectionPlan {
  readonly strategy: 'directory' | 'mount' | 'filesystem';
  /** `single`: the paths alone, without what is below them (OnAccessDisableDDD). */
  readonly depth: 'tree' | 'single';
  /** What is marked: the trees, or the paths whose mounts or filesystems are. */
  readonly paths: readonly string[];
  /** What of it is protected; empty: everything. Other than `paths` only under OnAccessMountPath. */
  readonly scope: readonly string[];
  readonly exclusions: Exclusions;
}

/** What is left out. */
export interface Exclusions {
  /** OnAccessExcludePath as written. */
  readonly patterns: readonly string[];
  /** By their exact path: the exclude list, the daemon's temporary directory. */
  readonly directories: readonly string[];
}

/** A plan, and what is to be said of it; with errors it is not to be used. */
export interface PlannedProtection {
  readonly plan: ProtectionPlan;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

export interface PlanSources {
  readonly config: Pick<ClamdConfig, 'onAccess' | 'process'>;
  readonly settings: Pick<Settings, 'marks' | 'includeFilesystems'>;
  readonly watchListFile: string | undefined;
  readonly excludeListFile: string | undefined;
  /** TMPDIR. */
  readonly environmentTmp: string | undefined;
  readonly patterns: PatternApi;
}

/** Which paths are protected, by the options, the list files and what is there now (behaviour 4.3, 4.7). Never throws. */
export async function planProtection(sources: PlanSources): Promise<PlannedProtection> {
  const { onAccess, process } = sources.config;
  const temporaryDirectory = process.temporaryDirectory ?? sources.environmentTmp ?? '/tmp';
  const [watchList, excludeList] = await Promise.all([
    readList(sources.watchListFile, 'watch', temporaryDirectory),
    readList(sources.excludeListFile, 'exclude', temporaryDirectory),
  ]);
  const exclusions: Exclusions = {
    patterns: onAccess.excludePaths,
    directories: await withRealPaths([...excludeList.paths, normalisePath(temporaryDirectory)]),
  };
  const isExcluded = compileOrComplain(exclusions, sources.patterns);
  const listed = [...watchList.issues, ...excludeList.issues];
  const said = {
    errors: [
      ...listed.filter(({ severity }) => severity === 'error').map(({ line }) => line),
      ...(typeof isExcluded === 'string' ? [isExcluded] : []),
    ],
    warnings: listed.filter(({ severity }) => severity === 'warning').map(({ line }) => line),
  };
  const includePaths = [...onAccess.includePaths, ...watchList.paths];
  const planned =
    onAccess.mountPaths.length > 0
      ? planMounts(sources, exclusions)
      : await planTrees(sources, {
          ...{ includePaths, exclusions, temporaryDirectory },
          isExcluded: typeof isExcluded === 'string' ? () => false : isExcluded,
        });
  return {
    plan: planned.plan,
    errors: [...said.errors, ...planned.errors],
    warnings: [...said.warnings, ...planned.warnings],
  };
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
function planMounts({ config, settings }: PlanSources, exclusions: Exclusions): PlannedProtection {
  const paths = config.onAccess.mountPaths.map(normalisePath);
  const errors = paths
    .filter((path) => !path.startsWith('/'))
    .map((path) => `ERROR: ClamFanotif: can't include mountpoint '${path}': it is not absolute`);
  const strategy = settings.marks === 'filesystem' ? 'filesystem' : 'mount';
  return { plan: { strategy, depth: 'tree', paths, scope: [], exclusions }, errors, warnings: [] };
}

async function planTrees(
  { config, settings }: PlanSources,
  given: {
    readonly includePaths: readonly string[];
    readonly exclusions: Exclusions;
    readonly temporaryDirectory: string;
    readonly isExcluded: IsExcluded;
  },
): Promise<PlannedProtection> {
  const { includePaths, exclusions } = given;
  const { disableDdd } = config.onAccess;
  const strategy = settings.marks;
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
  const errors = marks.issues.filter(({ severity }) => severity === 'error').flatMap(({ lines }) => lines);
  const warnings = [
    ...uselessInclusions(included),
    ...leftOut.flatMap(({ lines }) => lines),
    ...marks.issues.filter(({ severity }) => severity !== 'error').flatMap(({ lines }) => lines),
  ];
  if (includePaths.length === 0) errors.push(...(disableDdd ? NO_PATH_SINGLE : NO_PATH));
  if (disableDdd && depth === 'tree') {
    warnings.push(`WARNING: OnAccessDisableDDD has no effect with ONACC_MARKS=${strategy}`);
  }
  const scope = strategy === 'directory' ? [] : paths;
  return { plan: { strategy, depth, paths, scope, exclusions }, errors, warnings };
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
