import { closeSync, constants, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

/** What a line in clamd's log begins with; `verbose` lines exist only with LogVerbose. */
export type ClamdLogSeverity = 'info' | 'warning' | 'error' | 'verbose';

/** clamd's own log, for those who read it by script. */
export interface ClamdLog {
  /** LogClean: also write `PATH: OK` lines. */
  readonly cleanFiles: boolean;
  /** One line. The text must hold no line end: names in it have been through `sanitize`. */
  write(severity: ClamdLogSeverity, text: string): void;
  /** SIGHUP: lets go of the file; the next line makes a new one (behaviour 2.6). */
  reopen(): void;
  close(): void;
}

/** LogFile and its kin of clamd.conf. */
export interface ClamdLogFileOptions {
  readonly path: string;
  /** LogTime. */
  readonly timestamps: boolean;
  /** LogClean. */
  readonly cleanFiles: boolean;
  /** LogVerbose. */
  readonly verbose: boolean;
  /** LogFileMaxSize, bytes; 0 or Infinity = never rotate. */
  readonly fileMaxBytes: number;
  /** LogRotate. When off, clamd rotates all the same, with a warning (behaviour 2.8). */
  readonly rotate: boolean;
  readonly now?: () => Date;
  /** Told when a line could not be written; the daemon goes on. */
  readonly onFailure?: (error: unknown) => void;
}

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NOCTTY, O_WRONLY } = constants;
const OPEN_FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY;
const LOG_FILE_MODE = 0o640;

const PREFIXES: Readonly<Record<ClamdLogSeverity, string>> = {
  info: '',
  verbose: '',
  warning: 'WARNING: ',
  error: 'ERROR: ',
};

/**
 * Opens LogFile: append, 0640, symlinks refused. Written synchronously, as clamd does.
 *
 * @throws the system's error when the file cannot be opened.
 */
export function openClamdLogFile(options: ClamdLogFileOptions): ClamdLog {
  const now = options.now ?? (() => new Date());
  let fd: number | undefined = open(options.path);

  const line = (severity: ClamdLogSeverity, text: string): string => {
    const time = options.timestamps ? `${ctime(now())} -> ` : '';
    return `${time}${PREFIXES[severity]}${text}\n`;
  };
  const rotateWhenFull = (openFd: number): number => {
    const maxBytes = options.fileMaxBytes;
    if (maxBytes === 0 || !Number.isFinite(maxBytes)) return openFd;
    const sizeBytes = fstatSync(openFd).size;
    if (sizeBytes <= maxBytes) return openFd;
    if (!options.rotate) {
      writeSync(openFd, line('info', `Log size = ${sizeBytes}, max = ${maxBytes}`));
      writeSync(
        openFd,
        line(
          'warning',
          'Log size limit met but log file rotation turned off. Forcing log file rotation anyways.',
        ),
      );
    }
    renameSync(options.path, rotatedPath(options.path, now()));
    closeSync(openFd);
    fd = undefined;
    return open(options.path);
  };

  return {
    cleanFiles: options.cleanFiles,
    write(severity, text) {
      if (severity === 'verbose' && !options.verbose) return;
      try {
        fd = rotateWhenFull(fd ?? open(options.path));
        writeSync(fd, line(severity, text));
      } catch (error) {
        options.onFailure?.(error);
      }
    },
    reopen() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
    close() {
      this.reopen();
    },
  };
}

function open(path: string): number {
  return openSync(path, OPEN_FLAGS, LOG_FILE_MODE);
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** ctime(3) without its line end: `Sat Nov 21 20:44:46 2026`, local time, the day padded with a space. */
export function ctime(date: Date): string {
  const day = String(date.getDate()).padStart(2, ' ');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':');
  return `${DAYS[date.getDay()] ?? ''} ${MONTHS[date.getMonth()] ?? ''} ${day} ${time} ${date.getFullYear()}`;
}

/** The last four characters of the name make way for the time (behaviour 2.8). */
function rotatedPath(path: string, date: Date): string {
  const day = `${date.getFullYear()}${twoDigits(date.getMonth() + 1)}${twoDigits(date.getDate())}`;
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join('');
  return `${path.slice(0, -4)}-${day}_${time}.log`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
