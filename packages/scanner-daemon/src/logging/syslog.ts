import { AppError, assertNever, cleanControlCharacters } from '@portcullis/shared';
import type { FileApi, SocketApi } from '@portcullis/shared/native';
import type { ClamdLog, ClamdLogSeverity } from './clamd-log.js';
import { monthDayTime } from './log-time.js';

/** LogSyslog cannot do what clamd.conf asks for; the message is clamd's, without `ERROR: `. */
export class SyslogError extends AppError<'SYSLOG_FACILITY'> {}

/** LogSyslog and its kin of clamd.conf. */
export interface SyslogOptions {
  readonly sockets: Pick<SocketApi, 'createDatagram' | 'sendTo'>;
  readonly files: Pick<FileApi, 'close'>;
  /** LogFacility, in clamd's spelling: `LOG_LOCAL6`. */
  readonly facility: string;
  /** LogClean. */
  readonly cleanFiles: boolean;
  /** LogVerbose, or Debug, which implies it. */
  readonly verbose: boolean;
  /** Where the local syslog service listens. Default `/dev/log`. */
  readonly path?: string;
  /** Ours, as it stands behind the ident. */
  readonly pid: number;
  readonly now?: () => Date;
  /** Told of the first message of a row that found nobody to take it. */
  readonly onFailure?: (error: unknown) => void;
}

/** The syslog service as a log. Never waits: what the service does not take at once is dropped and counted. */
export interface Syslog extends ClamdLog {
  readonly droppedCount: number;
}

/** What people's syslog filters match: clamd's name, although it is us. */
const IDENT = 'clamd';
const DEFAULT_PATH = '/dev/log';
/** rsyslog's own default bound; RFC 3164's 1,024 would cut paths that clamd hands over whole. */
export const SYSLOG_MESSAGE_MAX_BYTES = 8192;

/** syslog(3). RFC 3164, 4.1.1. */
const FACILITIES: ReadonlyMap<string, number> = new Map([
  ['LOG_KERN', 0],
  ['LOG_USER', 1],
  ['LOG_MAIL', 2],
  ['LOG_DAEMON', 3],
  ['LOG_AUTH', 4],
  ['LOG_SYSLOG', 5],
  ['LOG_LPR', 6],
  ['LOG_NEWS', 7],
  ['LOG_UUCP', 8],
  ['LOG_CRON', 9],
  ['LOG_AUTHPRIV', 10],
  ['LOG_FTP', 11],
  ['LOG_LOCAL0', 16],
  ['LOG_LOCAL1', 17],
  ['LOG_LOCAL2', 18],
  ['LOG_LOCAL3', 19],
  ['LOG_LOCAL4', 20],
  ['LOG_LOCAL5', 21],
  ['LOG_LOCAL6', 22],
  ['LOG_LOCAL7', 23],
]);

/**
 * Opens the way to syslog. Datagrams without a connection: a service that is restarted is met again by itself.
 *
 * @throws SyslogError SYSLOG_FACILITY; NativeError when there is no socket to be had.
 */
export function openSyslog(options: SyslogOptions): Syslog {
  const facility = FACILITIES.get(options.facility);
  if (facility === undefined) {
    throw new SyslogError('SYSLOG_FACILITY', `LogFacility: ${options.facility}: No such facility.`);
  }
  return new SyslogSocket(options, facility);
}

class SyslogSocket implements Syslog {
  readonly cleanFiles: boolean;
  readonly #options: SyslogOptions;
  readonly #facility: number;
  readonly #now: () => Date;
  #fd: number | undefined;
  #droppedCount = 0;
  #droppedInARow = 0;

  constructor(options: SyslogOptions, facility: number) {
    this.#options = options;
    this.#facility = facility;
    this.#now = options.now ?? (() => new Date());
    this.cleanFiles = options.cleanFiles;
    this.#fd = options.sockets.createDatagram();
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  write(severity: ClamdLogSeverity, text: string): void {
    if (severity === 'verbose' && !this.#options.verbose) return;
    const dropped = this.#droppedInARow;
    if (dropped > 0 && this.#send('warning', `${dropped} messages could not be sent to syslog.`)) {
      this.#droppedInARow = 0;
    }
    if (this.#send(severity, text)) return;
    this.#droppedCount += 1;
    this.#droppedInARow += 1;
  }

  reopen(): void {
    // There is no connection that a restarted service could have cut.
  }

  close(): void {
    if (this.#fd !== undefined) this.#options.files.close(this.#fd);
    this.#fd = undefined;
  }

  #send(severity: ClamdLogSeverity, text: string): boolean {
    if (this.#fd === undefined) return true;
    const { sockets, path = DEFAULT_PATH, pid, onFailure } = this.#options;
    const priority = this.#facility * 8 + levelOf(severity);
    const head = `<${priority}>${monthDayTime(this.#now())} ${IDENT}[${pid}]: `;
    try {
      // WOULD_BLOCK is negative: the service does not keep up.
      return sockets.sendTo(this.#fd, cutMessage(head + cleanControlCharacters(text)), path) >= 0;
    } catch (error) {
      if (this.#droppedInARow === 0) onFailure?.(error);
      return false;
    }
  }
}

/** LOG_ERR, LOG_WARNING, LOG_INFO and LOG_DEBUG of syslog(3). The severity is not repeated in the text (clamd 1.4.6). */
function levelOf(severity: ClamdLogSeverity): number {
  switch (severity) {
    case 'error':
      return 3;
    case 'warning':
      return 4;
    case 'info':
      return 6;
    case 'verbose':
      return 7;
    default:
      return assertNever(severity);
  }
}

/** Cuts between characters, never within one. */
function cutMessage(message: string): Uint8Array {
  const bytes = Buffer.from(message);
  let end = Math.min(bytes.length, SYSLOG_MESSAGE_MAX_BYTES);
  while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}
