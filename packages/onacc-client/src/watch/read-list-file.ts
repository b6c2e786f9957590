import { isUtf8 } from 'node:buffer';
import { stat } from 'node:fs/promises';
import { readConfigFile } from '@portcullis/shared';
import { codeOf } from './probe-directory.js';
import { normalisePath } from './mark-plan.js';

const PATHS_MAX = 10_000;
/** PATH_MAX of limits.h, with its NUL. */
const PATH_MAX_BYTES = 4_096;
const ISSUES_MAX = 100;

/** An entry, or a whole file, that is not used as it stands. `line` is what the operator reads. */
export interface ListIssue {
  /** Refused files are errors, refused entries and entries that are no directory yet are warnings. */
  readonly severity: 'error' | 'warning';
  readonly line: string;
}

/** What a list file says: normalised absolute paths in its order, each once, and what was not taken over or not yet. */
export interface DirectoryList {
  readonly paths: readonly string[];
  readonly issues: readonly ListIssue[];
}

export interface ListFileOptions {
  /** `watch`: --watch-list, --include-list; `exclude`: --exclude-list. */
  readonly kind: 'watch' | 'exclude';
  /** The daemon's TemporaryDirectory, refused in a watch list. */
  readonly temporaryDirectory: string;
}

/**
 * Reads a --watch-list or --exclude-list: one absolute path a line (behaviour 4.7). Unlike clamonacc's, the last line counts
 * whole when no newline follows it; a carriage return before the newline is no part of the path; blank lines are passed
 * over. What is not there yet is kept, since it may come, and reported (that of a watch list by the mark plan).
 *
 * Never throws: a file that cannot be read, or holds more than 1 MiB, is an issue. It may be a pipe. Before anything is marked.
 */
export async function readListFile(path: string, options: ListFileOptions): Promise<DirectoryList> {
  const reading = readConfigFile(path);
  if (reading.kind !== 'read') {
    const reason = reading.kind === 'missing' ? 'No such file or directory' : reading.reason;
    const line = `ERROR: can't read the list '${path}': ${reason}`;
    return { paths: [], issues: [{ severity: 'error', line }] };
  }
  const { paths, issues } = readDirectoryList(reading.bytes, path, options);
  // The mark plan looks at what is to be watched, and says what it finds.
  if (options.kind === 'watch') return { paths, issues };
  const all = [...issues];
  for (const listed of paths) {
    const found = await lookAt(listed);
    if (found !== undefined) all.push(warning(path, `'${listed}' ${found}`));
  }
  return { paths, issues: bounded(all) };
}

/** The pure part of {@link readListFile}. */
export function readDirectoryList(bytes: Buffer, file: string, options: ListFileOptions): DirectoryList {
  const paths = new Set<string>();
  const issues: ListIssue[] = [];
  let number = 0;
  for (const line of linesOf(bytes)) {
    number += 1;
    if (line.length === 0) continue;
    if (paths.size >= PATHS_MAX) {
      issues.push(warning(file, `more than ${PATHS_MAX} paths: the rest is left out`));
      break;
    }
    const refusal = refuse(line, options);
    if (refusal === undefined) paths.add(normalisePath(line.toString()));
    else issues.push(warning(file, `line ${number}: ${refusal}`));
  }
  return { paths: [...paths], issues: bounded(issues) };
}

function* linesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline < 0 ? bytes.length : newline;
    yield bytes.subarray(at, end > at && bytes[end - 1] === 0x0d ? end - 1 : end);
    at = end + 1;
  }
}

function refuse(line: Buffer, { kind, temporaryDirectory }: ListFileOptions): string | undefined {
  if (line.length >= PATH_MAX_BYTES) return 'the path is too long';
  if (!isUtf8(line) || line.includes(0)) return 'the path is not UTF-8, or has a NUL byte in it';
  const path = normalisePath(line.toString());
  if (!path.startsWith('/')) return `'${path}' is not absolute`;
  if (path === '/') {
    return kind === 'watch'
      ? "not watching '/': use OnAccessMountPath for that"
      : "not excluding '/': nothing would be protected";
  }
  if (kind === 'exclude' || path !== normalisePath(temporaryDirectory)) return undefined;
  return `not watching '${path}': it is the daemon's temporary directory, every scan would cause further scans`;
}

/** @returns what keeps the path from being a directory now */
async function lookAt(path: string): Promise<string | undefined> {
  try {
    return (await stat(path)).isDirectory() ? undefined : 'is not a directory';
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT' ? 'does not exist yet' : `cannot be looked at (${code})`;
  }
}

function warning(file: string, text: string): ListIssue {
  return { severity: 'warning', line: `WARNING: ${file}: ${text}` };
}

function bounded(issues: readonly ListIssue[]): readonly ListIssue[] {
  if (issues.length <= ISSUES_MAX) return issues;
  const more = issues.length - ISSUES_MAX + 1;
  return [
    ...issues.slice(0, ISSUES_MAX - 1),
    { severity: 'warning', line: `WARNING: and ${more} more issues of this kind` },
  ];
}
