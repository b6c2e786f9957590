import { lstatSync, mkdirSync } from 'node:fs';
import { strerror } from '@portcullis/shared';
import { isErrno } from '@portcullis/shared/native';
import { findAccount } from './account.js';
import { refusalToMakeDirectory } from './directory-access.js';
import { StartError } from './start-error.js';

/**
 * The run directory of a daemon without clamd.conf: made if missing; one that is there has to be ours alone, or anybody
 * could put a socket of their own in its place. To root that of User is its own: an earlier start gave it away.
 *
 * @param user User of clamd.conf, if it is set.
 * @throws StartError RUN_DIRECTORY
 */
export function prepareRunDirectory(path: string, user: string | undefined): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 });
    if (isOursAlone(path, user)) return;
  } catch (cause) {
    throw new StartError('RUN_DIRECTORY', `Can't create the run directory ${path}: ${strerror(cause)}`, {
      cause,
    });
  }
  throw new StartError('RUN_DIRECTORY', notOurs(path));
}

/** What {@link prepareRunDirectory} would say; changes nothing on disk. */
export function runDirectoryProblem(path: string, user: string | undefined): string | undefined {
  try {
    return isOursAlone(path, user) ? undefined : notOurs(path);
  } catch (cause) {
    const refusal = isErrno(cause, 'ENOENT') ? refusalToMakeDirectory(path) : strerror(cause);
    return refusal === undefined ? undefined : `Can't create the run directory ${path}: ${refusal}`;
  }
}

function isOursAlone(path: string, user: string | undefined): boolean {
  const status = lstatSync(path);
  if (!status.isDirectory() || (status.mode & 0o022) !== 0) return false;
  const uid = process.geteuid?.();
  return status.uid === uid || (uid === 0 && user !== undefined && status.uid === findAccount(user)?.uid);
}

function notOurs(path: string): string {
  return `The run directory ${path} does not belong to us alone`;
}
