import { posix } from 'node:path';
import { AppError, messageOf } from '@portcullis/shared';
import { encodePath } from '@portcullis/shared/native';
import type { PatternApi, PosixPattern } from '@portcullis/shared/native';
import { normalisePath } from './mark-plan.js';

/** PATH_MAX of limits.h, which is also what a pattern is given at most. */
const PATH_BYTES_MAX = 4_096;
/** Answers that are remembered: most questions are about a directory whose parent was just asked about. */
const REMEMBERED_MAX = 4_096;
/** What makes a pattern more than a path. A dot does not: in paths it nearly always is one (`/home/a/.cache`). */
const METACHARACTER = /[\\^$*+?()[\]{}|]/;

/** Whether a directory, given by its absolute and normalised path, is left out of the protection. */
export type IsExcluded = (directoryPath: string) => boolean;

/** An OnAccessExcludePath that cannot be used: code `EXCLUDE_PATH`. The message names the option and the reason. */
export class ExcludedPathsError extends AppError<'EXCLUDE_PATH'> {
  constructor(pattern: string, cause: unknown) {
    super('EXCLUDE_PATH', `OnAccessExcludePath ${pattern}: ${messageOf(cause)}`, { cause });
  }
}

export interface ExcludedPathsOptions {
  /** Directories to leave out by their exact path: the --exclude-list's, the daemon's temporary directory. */
  readonly exactPaths?: readonly string[];
  /**
   * The include paths. What matches one of them, or lies above it, does not exclude it: clamonacc protects a path that is
   * named inside an excluded directory, too (observed with 1.4.6).
   */
  readonly includePaths?: readonly string[];
}

/**
 * OnAccessExcludePath, the same for every mark strategy. An absolute path without metacharacters excludes that directory
 * and everything below it, as 1.4 does; anything else is a POSIX extended regular expression that is looked for in the
 * path of each directory, as 1.5 does, and a match excludes the directory and everything below it. One that is an
 * absolute path all the same (`/srv/c++x`) excludes the directory of that name as well. A pattern that ends in `/` is
 * looked for in the path with a `/` behind it, as in clamd's ExcludePath.
 *
 * The answer depends on nothing but the path: what is excluded stays so when it is re-created, what is moved away from
 * there is protected.
 *
 * @param patterns - as written
 * @returns a test for this thread alone: PatternApi's patterns belong to theirs
 * @throws ExcludedPathsError for the first pattern that does not compile (clamonacc took it to match everything)
 */
export function compileExcludedPaths(
  patterns: readonly string[],
  patternApi: PatternApi,
  options: ExcludedPathsOptions = {},
): IsExcluded {
  const exact = new Set(options.exactPaths?.map(normalisePath));
  const expressions: Expression[] = [];
  for (const pattern of patterns) {
    if (pattern.startsWith('/')) exact.add(normalisePath(pattern));
    if (!pattern.startsWith('/') || METACHARACTER.test(pattern))
      expressions.push(compile(pattern, patternApi));
  }
  const included = new Set(options.includePaths?.map(normalisePath));
  if (exact.size === 0 && expressions.length === 0) return () => false;
  return rememberAnswers((path, isExcluded) => {
    if (included.has(path)) return false;
    if (exact.has(path) || expressions.some((expression) => expression(path))) return true;
    return path !== '/' && isExcluded(posix.dirname(path));
  });
}

type Expression = (path: string) => boolean;

function compile(pattern: string, patternApi: PatternApi): Expression {
  let compiled: PosixPattern;
  try {
    compiled = patternApi.compile(Buffer.from(pattern));
  } catch (error) {
    throw new ExcludedPathsError(pattern, error);
  }
  const end = pattern.endsWith('/') ? '/' : '';
  return (path) => compiled.matches(encodePath(path + end));
}

/** @param decide - asks about parents by its second parameter; it gets absolute paths of bounded length only. */
function rememberAnswers(decide: (path: string, isExcluded: IsExcluded) => boolean): IsExcluded {
  const remembered = new Map<string, boolean>();
  const ask = (path: string): boolean => {
    const known = remembered.get(path);
    if (known !== undefined) return known;
    const answer = decide(path, ask);
    // Emptied at once instead of one by one: it fills again from the tree that is being worked on.
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    remembered.set(path, answer);
    return answer;
  };
  // What cannot be told is protected: a path that is relative, or longer than the kernel's own.
  return (path) => path.startsWith('/') && path.length <= PATH_BYTES_MAX && ask(path);
}
