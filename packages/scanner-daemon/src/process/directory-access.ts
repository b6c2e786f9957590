import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { strerror } from '@portcullis/shared';
import { StartError } from './start-error.js';

const { O_DIRECTORY, O_WRONLY, W_OK } = constants;
/** open(2): a file without a name, gone with its descriptor. */
const O_TMPFILE = 0o20000000 | O_DIRECTORY;

/** Failures of that open which mean that nothing can be made there; others are the filesystem's own business. */
const REFUSALS: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR']);

/**
 * Whether this process, with the rights it has now, may make files in a directory. Changes nothing on disk.
 *
 * @returns undefined when it may (or when there is no telling), else what the system says.
 */
export function refusalToCreateIn(directory: string): string | undefined {
  try {
    if (!statSync(directory).isDirectory()) return 'Not a directory';
    closeSync(openSync(directory, O_TMPFILE | O_WRONLY, 0o600));
    return undefined;
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    return REFUSALS.has(code) ? strerror(error) : undefined;
  }
}

/**
 * Whether this process may make a directory and whatever is missing above it. Changes nothing on disk.
 *
 * @returns as {@link refusalToCreateIn}.
 */
export function refusalToMakeDirectory(path: string): string | undefined {
  const parent = dirname(path);
  return parent === path || isDirectory(parent) ? refusalToCreateIn(parent) : refusalToMakeDirectory(parent);
}

/** Whether the user that started this process may write to a file that is there. Opens nothing. @returns as above. */
export function refusalToWrite(path: string): string | undefined {
  try {
    accessSync(path, W_OK);
    return undefined;
  } catch (error) {
    return strerror(error);
  }
}

/** False too where that cannot be seen. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/**
 * TemporaryDirectory has to be there, and streams have to fit in: clamd looks at the first only, and fails each stream
 * afterwards (behaviour 2.2; the text of the first, blank at the end included, is clamd's).
 *
 * @throws StartError TEMPORARY_DIRECTORY
 */
export function checkTemporaryDirectory(path: string | undefined): void {
  const problem = temporaryDirectoryProblem(path);
  if (problem !== undefined) throw new StartError('TEMPORARY_DIRECTORY', problem);
}

/** What {@link checkTemporaryDirectory} would say. */
export function temporaryDirectoryProblem(path: string | undefined): string | undefined {
  const refusal = path === undefined ? undefined : refusalToCreateIn(path);
  if (path === undefined || refusal === undefined) return undefined;
  return isDirectory(path)
    ? `TemporaryDirectory ${path} cannot be written to: ${refusal}`
    : `Current configuration of TemporaryDirectory: ${path} does not exist, or is not valid `;
}
