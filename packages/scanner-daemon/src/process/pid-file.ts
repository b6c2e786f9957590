import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { FileApi } from '@portcullis/shared/native';
import { strerror } from '../intake/strerror.js';
import { StartError } from './start-error.js';

const { O_CREAT, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
/** No link is followed: the directory often belongs to the account, and root would write wherever the link points. */
const OPEN_FLAGS = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
const PID_FILE_MODE = 0o644;

/** PidFile, held for as long as this process lives. */
export interface PidFile {
  /** Removes the file, once. @returns false when there is none, or its directory is not ours to write to any more. */
  remove(): boolean;
}

/**
 * Writes our pid into PidFile, root's when we are root: before the drop to User, or the account could name any process
 * for root to kill (behaviour 2.2, step 8). It goes when the process ends, however it ends, kills aside; clamd leaves
 * it behind when the start fails.
 *
 * A record lock says that we are alive. A second daemon on the same file is refused by it; clamd takes no lock, so
 * whatever a clamd wrote there is overwritten, as clamd does.
 *
 * @param path undefined = no PidFile.
 * @throws StartError PID_FILE
 */
export function claimPidFile(path: string | undefined, files: Pick<FileApi, 'lockForWriting'>): PidFile {
  if (path === undefined) return { remove: () => false };
  // The descriptor stays open: closing it would give the lock away.
  const fd = openPidFile(path, files);
  const { dev, ino } = fstatSync(fd);
  let isThere = true;
  const remove = (): boolean => {
    if (!isThere) return false;
    isThere = false;
    try {
      const now = lstatSync(path);
      if (now.dev !== dev || now.ino !== ino) return false;
      unlinkSync(path);
      return true;
    } catch {
      return false;
    }
  };
  process.once('exit', remove);
  return { remove };
}

function openPidFile(path: string, files: Pick<FileApi, 'lockForWriting'>): number {
  let fd: number | undefined;
  try {
    fd = openSync(path, OPEN_FLAGS, PID_FILE_MODE);
    if (!fstatSync(fd).isFile()) throw refusal(path, 'Not a regular file');
    if (files.lockForWriting(fd) === 'heldByOther') {
      throw refusal(path, 'a scanner-daemon that is running holds it');
    }
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`);
    if (process.geteuid?.() === 0) fchownSync(fd, 0, 0);
    fchmodSync(fd, PID_FILE_MODE);
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw error instanceof StartError ? error : refusal(path, strerror(error), error);
  }
}

function refusal(path: string, reason: string, cause?: unknown): StartError {
  return new StartError('PID_FILE', `Can't save PID to file ${path}: ${reason}`, {
    cause,
    context: { path },
  });
}
