import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { strerror } from '@portcullis/shared';
import type { FileApi } from '@portcullis/shared/native';
import { StartError } from './start-error.js';

const { O_CREAT, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
/** No link is followed: the directory often belongs to the account, and root would write wherever the link points. */
const OPEN_FLAGS = O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
const PID_FILE_MODE = 0o644;
/** A file with more in it is nobody's PidFile. */
export const PID_FILE_MAX_BYTES = 4096;

/** PidFile, held for as long as this process lives. */
export interface PidFile {
  /** The daemon serves: whatever the file said before has become meaningless. */
  confirm(): void;
  /** Removes the file, once. @returns false when there is none, or its directory is not ours to write to any more. */
  remove(): boolean;
}

/**
 * Writes our pid into PidFile, root's when we are root: before the drop to User, or the account could name any process
 * for root to kill (behaviour 2.2, step 8). It goes when the process ends, however it ends, kills aside. A start that
 * fails puts back what the file said before, the pid of a running clamd perhaps; clamd leaves its own.
 *
 * A lock says that we are alive. A second daemon on the same file is refused by it; clamd takes no lock, so whatever a
 * clamd wrote there is overwritten, as clamd does.
 *
 * @param path undefined = no PidFile.
 * @throws StartError PID_FILE
 */
export function claimPidFile(path: string | undefined, files: Pick<FileApi, 'lockForWriting'>): PidFile {
  if (path === undefined) return { confirm: () => undefined, remove: () => false };
  // The descriptor stays open: closing it would give the lock away.
  const { fd, former } = openPidFile(path, files);
  const { dev, ino } = fstatSync(fd, { bigint: true });
  let state: 'starting' | 'serving' | 'gone' = 'starting';
  const remove = (): boolean => {
    if (state === 'gone') return false;
    const isFormerDue = state === 'starting' && former.length > 0;
    state = 'gone';
    try {
      const now = lstatSync(path, { bigint: true });
      if (now.dev !== dev || now.ino !== ino) return false;
      if (isFormerDue) replaceContent(fd, former);
      else unlinkSync(path);
      return !isFormerDue;
    } catch {
      return false;
    }
  };
  process.once('exit', remove);
  return {
    confirm: () => {
      if (state === 'starting') state = 'serving';
    },
    remove,
  };
}

/** @returns what the file said before, too. */
function openPidFile(
  path: string,
  files: Pick<FileApi, 'lockForWriting'>,
): { readonly fd: number; readonly former: Buffer } {
  let fd: number | undefined;
  try {
    fd = openSync(path, OPEN_FLAGS, PID_FILE_MODE);
    if (!fstatSync(fd).isFile()) throw refusal(path, 'Not a regular file');
    if (files.lockForWriting(fd) === 'heldByOther') {
      throw refusal(path, 'a scanner-daemon that is running holds it');
    }
    const former = readFormer(fd, path);
    // All that can fail comes before the first byte is lost.
    if (process.geteuid?.() === 0) fchownSync(fd, 0, 0);
    fchmodSync(fd, PID_FILE_MODE);
    writePid(fd, former);
    return { fd, former };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw error instanceof StartError ? error : refusal(path, strerror(error), error);
  }
}

function readFormer(fd: number, path: string): Buffer {
  const bytes = Buffer.alloc(PID_FILE_MAX_BYTES + 1);
  const length = readSync(fd, bytes, 0, bytes.length, 0);
  if (length > PID_FILE_MAX_BYTES) throw refusal(path, 'it is there, and too large for a pid');
  return bytes.subarray(0, length);
}

function writePid(fd: number, former: Uint8Array): void {
  try {
    replaceContent(fd, Buffer.from(`${process.pid}\n`));
  } catch (error) {
    replaceContent(fd, former);
    throw error;
  }
}

function replaceContent(fd: number, content: Uint8Array): void {
  ftruncateSync(fd);
  writeSync(fd, content, 0, content.length, 0);
}

function refusal(path: string, reason: string, cause?: unknown): StartError {
  return new StartError('PID_FILE', `Can't save PID to file ${path}: ${reason}`, {
    cause,
    context: { path },
  });
}
