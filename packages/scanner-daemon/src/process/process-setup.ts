import { lstatSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { AppError, type ClamdConfig } from '@portcullis/shared';
import { becomeAccount, findAccount, giveDirectory, type Account } from './drop-privileges.js';
import { strerror } from './intake/strerror.js';
import { openClamdLogFile, type ClamdLog } from './logging/clamd-log-file.js';

/** The daemon cannot start. `exitCode` and the message are clamd's (behaviour 2.2, 2.3), without `ERROR: `. */
export class StartError extends AppError<
  'LOG_FILE' | 'PID_FILE' | 'ACCOUNT' | 'RUN_DIRECTORY' | 'DATABASE' | 'EXCLUDE_PATH'
> {
  get exitCode(): number {
    return this.code === 'PID_FILE' ? 2 : 1;
  }
}

/** LogFile, where one is set. @throws StartError LOG_FILE */
export function openClamdLog(
  logging: ClamdConfig['logging'],
  onFailure: (error: unknown) => void,
): ClamdLog | undefined {
  const { filePath: path, timestamps, cleanFiles, verbose, fileMaxBytes, rotate } = logging;
  if (path === undefined) return undefined;
  try {
    return openClamdLogFile({ path, timestamps, cleanFiles, verbose, fileMaxBytes, rotate, onFailure });
  } catch (cause) {
    throw new StartError('LOG_FILE', `Failed to open log file ${path}: ${strerror(cause)}`, { cause });
  }
}

/** Writes our pid. @returns what removes the file again. @throws StartError PID_FILE */
export function writePidFile(path: string | undefined): () => boolean {
  if (path === undefined) return () => false;
  try {
    writeFileSync(path, `${process.pid}\n`, { mode: 0o644 });
  } catch (cause) {
    throw new StartError('PID_FILE', `Can't save PID to file ${path}: ${strerror(cause)}`, { cause });
  }
  return () => {
    try {
      unlinkSync(path);
      return true;
    } catch {
      return false; // Its directory may belong to root, which we no longer are.
    }
  };
}

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

/** User of clamd.conf, when we are root. @throws StartError ACCOUNT */
export function dropPrivileges(config: ClamdConfig, runDirectory: string | undefined): Account | undefined {
  const { user } = config.process;
  if (user === undefined || process.geteuid?.() !== 0) return undefined;
  const account = findAccount(user);
  if (account === undefined) throw new StartError('ACCOUNT', `Can't get information about user ${user}.`);
  if (runDirectory !== undefined) giveDirectory(runDirectory, account);
  becomeAccount(account, config.logging.filePath === undefined ? [] : [config.logging.filePath]);
  return account;
}
