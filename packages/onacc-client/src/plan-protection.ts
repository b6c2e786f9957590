import { lstat } from 'node:fs/promises';
import type { ClamdConfig } from '@portcullis/shared';
import { leftOutPaths } from './mounts/filesystem-check.js';
import { parseFilesystemTypes, uselessInclusions } from './policy/filesystem-policy.js';
import type { Settings } from './settings.js';
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
    directories: [...excludeList.paths, normalisePath(temporaryDirectory)],
  };
  const listed = [...watchList.issues, ...excludeList.issues];
  const said = {
    errors: listed.filter(({ severity }) => severity === 'error').map(({ line }) => line),
    warnings: listed.filter(({ severity }) => severity === 'warning').map(({ line }) => line),
  };
  const includePaths = [...onAccess.includePaths, ...watchList.paths];
  const planned =
    onAccess.mountPaths.length > 0
      ? planMounts(sources, exclusions)
      : await planTrees(sources, { includePaths, exclusions, temporaryDirectory });
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
  given: { includePaths: readonly string[]; exclusions: Exclusions; temporaryDirectory: string },
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

async function lookUpAll(
  paths: readonly string[],
): Promise<ReadonlyMap<string, { kind: 'directory' | 'other'; device: number }>> {
  const found = new Map<string, { kind: 'directory' | 'other'; device: number }>();
  for (const path of paths.map(normalisePath)) {
    try {
      const status = await lstat(path);
      found.set(path, { kind: status.isDirectory() ? 'directory' : 'other', device: status.dev });
    } catch {
      // Missing, or unreadable: root can read everything that is there.
    }
  }
  return found;
}
