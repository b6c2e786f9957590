import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { isErrno } from '@portcullis/shared/native';
import { engineErrorText } from '../scheduler/engine-error-text.js';

export type OpenedPath =
  /** The caller closes `fd`. */
  | { readonly kind: 'file'; readonly fd: number; readonly sizeBytes: number }
  /** ClamAV's text for it (behaviour 1.10, 1.11). */
  | { readonly kind: 'failed'; readonly message: string };

/**
 * Opens what the walk found to be a regular file. Since then it may have become anything, so the open never waits
 * (O_NONBLOCK: a FIFO), never becomes a controlling terminal, follows a final symlink only when told to, and what
 * was opened is looked at again.
 *
 * Worker threads only: it blocks.
 */
export function openPath(path: Uint8Array, followSymlinks: boolean): OpenedPath {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
  let fd: number;
  try {
    fd = openSync(Buffer.from(path), O_RDONLY | O_NONBLOCK | O_NOCTTY | (followSymlinks ? 0 : O_NOFOLLOW));
  } catch (error) {
    return { kind: 'failed', message: openFailureText(error) };
  }
  try {
    const status = fstatSync(fd);
    if (status.isFile()) return { kind: 'file', fd, sizeBytes: status.size };
  } catch {
    closeSync(fd);
    return { kind: 'failed', message: engineErrorText.cantStat };
  }
  closeSync(fd);
  return { kind: 'failed', message: engineErrorText.cantOpen };
}

function openFailureText(error: unknown): string {
  if (isErrno(error, 'EACCES') || isErrno(error, 'EPERM')) return engineErrorText.accessDenied;
  if (isErrno(error, 'ENOMEM')) return engineErrorText.outOfMemory;
  return engineErrorText.cantOpen;
}
