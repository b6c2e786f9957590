import { lstatSync, mkdirSync } from 'node:fs';
import { strerror } from '../intake/strerror.js';
import { StartError } from './start-error.js';

/**
 * The run directory of a daemon without clamd.conf: made if missing; one that is there has to be ours alone, or anybody
 * could put a socket of their own in its place.
 *
 * @throws StartError RUN_DIRECTORY
 */
export function prepareRunDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 });
    const status = lstatSync(path);
    const isOurs = status.isDirectory() && status.uid === process.geteuid?.() && (status.mode & 0o022) === 0;
    if (isOurs) return;
  } catch (cause) {
    throw new StartError('RUN_DIRECTORY', `Can't create the run directory ${path}: ${strerror(cause)}`, {
      cause,
    });
  }
  throw new StartError('RUN_DIRECTORY', `The run directory ${path} does not belong to us alone`);
}
