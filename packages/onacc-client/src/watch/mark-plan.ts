import { posix } from 'node:path';

/** What the plan is made from. Pure: whoever calls looks at the file system. */
export interface MarkPlanInput {
  /** OnAccessIncludePath and the watch list, in the order of the configuration. */
  readonly includePaths: readonly string[];
  /** The daemon's TemporaryDirectory (or $TMPDIR or /tmp), refused as an include path: scanning what a scan writes would never end. */
  readonly temporaryDirectory: string;
  /** `tree` follows whole trees (DDD); `single` marks each path alone (OnAccessDisableDDD). */
  readonly depth: 'tree' | 'single';
  /** What is at the (normalised) path now. */
  readonly lookUp: (path: string) => 'directory' | 'missing' | 'other';
  /**
   * The device the (normalised) path lies on. Trees are walked without crossing devices, so a nested path on another one is a
   * root of its own. Without this, all are taken to be on one device.
   */
  readonly deviceOf?: (path: string) => number | undefined;
  /**
   * The (normalised) path with symbolic links resolved. Trees are walked without following them, so a path that leads
   * through one is a root of its own. Without this, no path is taken to.
   */
  readonly realPathOf?: (path: string) => string | undefined;
  /** OnAccessExcludePath and the exclude list, compiled without include paths (excluded-paths.ts). */
  readonly isExcluded?: (path: string) => boolean;
}

/** Why an include path is not watched as it stands, or not yet. `lines` is what the operator reads. */
export interface MarkPlanIssue {
  readonly kind:
    | 'rootRefused'
    | 'temporaryDirectoryRefused'
    | 'notAbsolute'
    | 'duplicate'
    | 'nested'
    | 'excludedToo'
    | 'missing'
    | 'notDirectory';
  readonly path: string;
  /** Refusals are errors; what is dropped because another path covers it is only worth knowing. */
  readonly severity: 'error' | 'warning' | 'info';
  readonly lines: readonly string[];
}

/** One tree (or directory) to mark. `waiting`: there is no directory at the path yet. */
export interface PlannedRoot {
  readonly path: string;
  readonly state: 'present' | 'waiting';
}

export interface MarkPlan {
  readonly roots: readonly PlannedRoot[];
  readonly issues: readonly MarkPlanIssue[];
}

/**
 * Turns include paths into the roots to watch: normalised, without duplicates, and without paths that another root
 * covers. Refusals have ClamAV's sentences (behaviour 4.3).
 */
export function planMarks(input: MarkPlanInput): MarkPlan {
  const issues: MarkPlanIssue[] = [];
  const accepted = new Set<string>();
  const temporaryDirectory = normalisePath(input.temporaryDirectory);
  for (const written of input.includePaths) {
    const path = normalisePath(written);
    const refusal = refuse(path, temporaryDirectory, input.depth);
    if (refusal !== undefined) issues.push(refusal);
    else if (accepted.has(path)) issues.push(dropped('duplicate', written, `'${path}' is listed twice`));
    else accepted.add(path);
  }
  const paths = input.depth === 'tree' ? dropNested(accepted, issues, input) : [...accepted];
  for (const path of paths) if (input.isExcluded?.(path) === true) issues.push(excludedToo(path));
  const roots = paths.map((path) => planRoot(path, input.lookUp(path), issues));
  return { roots, issues };
}

/** Whether `path` lies strictly below `ancestor`. Both normalised and absolute. */
export function isBelow(path: string, ancestor: string): boolean {
  return path.length > ancestor.length && path.startsWith(ancestor === '/' ? '/' : `${ancestor}/`);
}

/** Single slashes, no `.` or `..`, no slash at the end. Symbolic links stay: only the kernel can resolve them. */
export function normalisePath(written: string): string {
  const path = posix.normalize(written);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function refuse(
  path: string,
  temporaryDirectory: string,
  depth: MarkPlanInput['depth'],
): MarkPlanIssue | undefined {
  const prefix = depth === 'tree' ? 'ClamInotif' : 'ClamFanotif';
  if (!path.startsWith('/') || path.includes('\0')) {
    return issue('notAbsolute', path, [`ERROR: ${prefix}: Not watching path '${path}': it is not absolute`]);
  }
  if (path === '/' && depth === 'tree') {
    return issue('rootRefused', path, [
      `ERROR: ${prefix}: Not watching path '/' while DDD is enabled`,
      `ERROR: ${prefix}: Please use the OnAccessMountPath option to watch '/'`,
    ]);
  }
  if (path !== temporaryDirectory) return undefined;
  return issue('temporaryDirectoryRefused', path, [
    `ERROR: ${prefix}: Not watching path '${path}'`,
    `ERROR: ${prefix}: it is the daemon's temporary directory: every scan would cause further scans`,
    `ERROR: ${prefix}: set TemporaryDirectory to another directory to watch '${path}'`,
  ]);
}

function dropNested(paths: ReadonlySet<string>, issues: MarkPlanIssue[], input: MarkPlanInput): string[] {
  return [...paths].filter((path) => {
    const above = coveringPath(path, paths);
    if (above === undefined || !isWalkedFrom(above, path, input)) return true;
    issues.push(dropped('nested', path, `'${path}' is covered by '${above}'`));
    return false;
  });
}

/** Whether the walk of the tree at `above` comes to `path`. */
function isWalkedFrom(
  above: string,
  path: string,
  { deviceOf, realPathOf, isExcluded }: MarkPlanInput,
): boolean {
  if (isExcluded?.(path) === true || deviceOf?.(path) !== deviceOf?.(above)) return false;
  return isBelow(realPathOf?.(path) ?? path, realPathOf?.(above) ?? above);
}

function coveringPath(path: string, paths: ReadonlySet<string>): string | undefined {
  for (let above = posix.dirname(path); above !== '/'; above = posix.dirname(above)) {
    if (paths.has(above)) return above;
  }
  return undefined;
}

function planRoot(
  path: string,
  found: ReturnType<MarkPlanInput['lookUp']>,
  issues: MarkPlanIssue[],
): PlannedRoot {
  if (found === 'directory') return { path, state: 'present' };
  const line =
    found === 'missing'
      ? `WARNING: '${path}' does not exist: it is not protected until it does`
      : `WARNING: '${path}' is not a directory: it is not protected`;
  const kind = found === 'missing' ? 'missing' : 'notDirectory';
  issues.push({ kind, path, severity: 'warning', lines: [line] });
  return { path, state: 'waiting' };
}

/** clamonacc 1.4.6 lets an include path in an excluded directory win, and gives up where both are the same. */
function excludedToo(path: string): MarkPlanIssue {
  const line = `WARNING: '${path}' is both included and excluded: it is protected`;
  return { kind: 'excludedToo', path, severity: 'warning', lines: [line] };
}

function issue(kind: MarkPlanIssue['kind'], path: string, lines: readonly string[]): MarkPlanIssue {
  return { kind, path, severity: 'error', lines };
}

function dropped(kind: 'duplicate' | 'nested', path: string, line: string): MarkPlanIssue {
  return { kind, path, severity: 'info', lines: [line] };
}
