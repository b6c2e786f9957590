import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { AppError, cleanControlCharacters, strerror } from '@portcullis/shared';
import type { FileApi } from '@portcullis/shared/native';
import type { ClamdLog, ClamdLogSeverity } from './clamd-log.js';
import { ctime, fileNameTime } from './log-time.js';

/** Something is wrong with LogFile. The message is clamd's own where it has one (behaviour 2.2), without `ERROR: `. */
export class LogFileError extends AppError<
  'LOG_PATH' | 'LOG_OPEN' | 'LOG_LOCK' | 'LOG_WRITE' | 'LOG_ROTATE'
> {}

/** LogFile, open. */
export interface ClamdLogFile extends ClamdLog {
  /**
   * Gives the file that is open, not what lies at its path by now, to an account (behaviour 2.2, step 9). What is not a
   * regular file, /dev/null for instance, stays whose it is. As root only. @throws the system's error.
   */
  giveTo(account: { readonly uid: number; readonly gid: number }): void;
}

/** LogFile and its kin of clamd.conf. */
export interface ClamdLogFileOptions {
  readonly path: string;
  /** Who takes the write lock that keeps a second daemon out of the file; left out with LogFileUnlock. */
  readonly locks?: Pick<FileApi, 'lockForWriting'> | undefined;
  /** LogTime. */
  readonly timestamps: boolean;
  /** LogClean. */
  readonly cleanFiles: boolean;
  /** LogVerbose, or Debug, which implies it. */
  readonly verbose: boolean;
  /** LogFileMaxSize, bytes; 0 or Infinity = never rotate. */
  readonly fileMaxBytes: number;
  /** LogRotate. When off, clamd rotates all the same, with a warning (behaviour 2.8). */
  readonly rotate: boolean;
  readonly now?: () => Date;
  /** Told of the first failure of a row, until the log works again; the daemon goes on. */
  readonly onFailure?: (error: unknown) => void;
}

const { O_APPEND, O_CREAT, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
/** O_NONBLOCK is for a LogFile that is a FIFO or lies under a lease: a line may be lost there, but nobody waits. */
const OPEN_FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
const LOG_FILE_MODE = 0o640;
/** How many rotations within one second find a name of their own; then the file grows until the next second. */
const SAME_SECOND_NAMES_MAX = 100;

const PREFIXES: Readonly<Record<ClamdLogSeverity, string>> = {
  info: '',
  verbose: '',
  warning: 'WARNING: ',
  error: 'ERROR: ',
};

/**
 * Opens LogFile: append, 0640, symlinks refused, locked. Written synchronously, as clamd does.
 *
 * @throws LogFileError LOG_PATH, LOG_OPEN, LOG_LOCK
 */
export function openClamdLogFile(options: ClamdLogFileOptions): ClamdLogFile {
  return new OpenLogFile(options);
}

/** Owns the descriptor, and with it the lock. */
class OpenLogFile implements ClamdLogFile {
  readonly cleanFiles: boolean;
  readonly #options: ClamdLogFileOptions;
  readonly #now: () => Date;
  #fd: number | undefined;
  /** SIGHUP came, or the file was renamed: the next line looks whether the path has another file. */
  #isStale = false;
  #isRotationFailing = false;
  #isOpeningFailing = false;
  #linesLost = 0;
  /** The disk took only a part of the last line. */
  #isWithinLine = false;
  #hasWarnedOfRotation = false;

  constructor(options: ClamdLogFileOptions) {
    this.#options = options;
    this.cleanFiles = options.cleanFiles;
    this.#now = options.now ?? (() => new Date());
    this.#fd = openLocked(options);
  }

  write(severity: ClamdLogSeverity, text: string): void {
    if (severity === 'verbose' && !this.#options.verbose) return;
    if (this.#isStale) this.#renew();
    if (this.#fd === undefined) return;
    if (!this.#isStale) this.#rotateWhenFull(this.#fd);
    try {
      const lost = this.#linesLost;
      const notice = lost === 0 ? '' : this.#line('warning', `${lost} log lines could not be written.`);
      this.#append(notice + this.#line(severity, text));
      this.#linesLost = 0;
    } catch (cause) {
      if (this.#linesLost === 0) this.#report('LOG_WRITE', `Can't write to log file`, cause);
      this.#linesLost += 1;
    }
  }

  reopen(): void {
    this.#isStale = true;
  }

  giveTo({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
    if (this.#fd === undefined || !fstatSync(this.#fd).isFile()) return;
    fchownSync(this.#fd, uid, gid);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#isStale = false;
  }

  #line(severity: ClamdLogSeverity, text: string): string {
    const time = this.#options.timestamps ? `${ctime(this.#now())} -> ` : '';
    return `${time}${PREFIXES[severity]}${cleanControlCharacters(text)}\n`;
  }

  /** Until the new file can be had, lines go on to the old one, and each of them tries again. */
  #renew(): void {
    if (this.#fd === undefined) return;
    try {
      if (!isAtPath(this.#fd, this.#options.path)) {
        const fresh = openLocked(this.#options);
        closeSync(this.#fd);
        this.#fd = fresh;
        this.#isWithinLine = false;
      }
      this.#isStale = false;
      this.#isOpeningFailing = false;
    } catch (error) {
      if (!this.#isOpeningFailing) this.#options.onFailure?.(error);
      this.#isOpeningFailing = true;
    }
  }

  #rotateWhenFull(fd: number): void {
    const { path, fileMaxBytes: maxBytes, rotate } = this.#options;
    if (maxBytes === 0 || !Number.isFinite(maxBytes)) return;
    try {
      const { size: sizeBytes } = fstatSync(fd);
      if (sizeBytes <= maxBytes) return;
      if (!isAtPath(fd, path)) {
        // Somebody else has rotated it and told nobody: what lies at the path now is not ours to rename.
        this.#isStale = true;
        this.#renew();
        return;
      }
      if (!rotate && !this.#hasWarnedOfRotation) this.#warnOfRotation(sizeBytes, maxBytes);
      renameSync(path, freeRotatedPath(path, this.#now()));
      this.#isRotationFailing = false;
      this.#isStale = true;
      this.#renew();
    } catch (cause) {
      if (!this.#isRotationFailing) this.#report('LOG_ROTATE', `Can't rotate log file`, cause);
      this.#isRotationFailing = true;
    }
  }

  /** Once, and without a time whatever LogTime says: so clamd 1.4.6 does. */
  #warnOfRotation(sizeBytes: number, maxBytes: number): void {
    this.#hasWarnedOfRotation = true;
    this.#append(`Log size = ${sizeBytes}, max = ${maxBytes}\n`);
    this.#append(
      'WARNING: Log size limit met but log file rotation turned off. Forcing log file rotation anyways.\n',
    );
  }

  #append(line: string): void {
    if (this.#fd === undefined) return;
    const bytes = Buffer.from(this.#isWithinLine ? `\n${line}` : line);
    let written = 0;
    try {
      // A disk that is filling up takes a part; what it says to the rest is the error.
      while (written < bytes.length) {
        const taken = writeSync(this.#fd, bytes, written);
        if (taken === 0) throw new Error('nothing was taken');
        written += taken;
      }
    } finally {
      if (written > 0) this.#isWithinLine = written < bytes.length;
    }
  }

  #report(code: 'LOG_WRITE' | 'LOG_ROTATE', what: string, cause: unknown): void {
    const { path, onFailure } = this.#options;
    onFailure?.(new LogFileError(code, `${what} ${path}: ${strerror(cause)}`, { cause }));
  }
}

function openLocked({ path, locks }: ClamdLogFileOptions): number {
  if (!isAbsolute(path)) throw new LogFileError('LOG_PATH', 'LogFile requires full path.');
  let fd: number;
  try {
    fd = openSync(path, OPEN_FLAGS, LOG_FILE_MODE);
  } catch (cause) {
    throw new LogFileError('LOG_OPEN', `Failed to open log file ${path}: ${strerror(cause)}`, { cause });
  }
  try {
    if (locks === undefined || locks.lockForWriting(fd) === 'locked') return fd;
  } catch (cause) {
    closeSync(fd);
    throw new LogFileError('LOG_LOCK', `Failed to lock the log file ${path}: ${strerror(cause)}`, { cause });
  }
  closeSync(fd);
  throw new LogFileError('LOG_LOCK', `Failed to lock the log file ${path}: Resource temporarily unavailable`);
}

/** Whether the open file is the one that lies at the path. */
function isAtPath(fd: number, path: string): boolean {
  const there = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  const ours = fstatSync(fd, { bigint: true });
  return there !== undefined && there.ino === ours.ino && there.dev === ours.dev;
}

/**
 * The last four characters of the name make way for the time (behaviour 2.8). Where clamd would overwrite what it
 * rotated in the same second, a number follows; a name too short to lose four characters keeps them, where clamd would
 * take them from its directory's name.
 */
function freeRotatedPath(path: string, date: Date): string {
  const name = basename(path);
  const stem = join(dirname(path), name.length < 4 ? name : name.slice(0, -4));
  for (let n = 1; n <= SAME_SECOND_NAMES_MAX; n += 1) {
    const candidate = `${stem}-${fileNameTime(date)}${n === 1 ? '' : `-${n}`}.log`;
    if (lstatSync(candidate, { throwIfNoEntry: false }) === undefined) return candidate;
  }
  throw new Error(`${SAME_SECOND_NAMES_MAX} rotations in one second`);
}
