import type { LimitReason } from '../verdict.js';

/** A limit that a scan came up against, as against a scan that was cancelled. */
export type ScanLimit = Exclude<LimitReason, 'cancelled'>;

/** The option of clamd.conf that sets each limit, as clamd's own alerts name it (observed with 1.4.6). */
export const LIMIT_OPTIONS: Readonly<Record<ScanLimit, string>> = {
  fileTooLarge: 'MaxFileSize',
  scanTooLarge: 'MaxScanSize',
  tooManyFiles: 'MaxFiles',
  tooDeep: 'MaxRecursion',
  timeLimit: 'MaxScanTime',
};

// Object.keys knows the type of no key.
const LIMITS = Object.keys(LIMIT_OPTIONS) as ScanLimit[];

/** The limit that an option sets; undefined for an option that sets none. */
export function limitOfOption(option: string): ScanLimit | undefined {
  return LIMITS.find((limit) => LIMIT_OPTIONS[limit] === option);
}

/**
 * What our daemon says, without the word ERROR, of a scan that a limit ended, to a client that asked for it with
 * {@link FILDES_NOTICE_BYTE} (docs/decisions/0005). Everybody else is told OK, as by clamd.
 */
export function incompleteText(limit: ScanLimit): string {
  return `Incomplete scan (${LIMIT_OPTIONS[limit]})`;
}

/** The other way round. @returns undefined where the error is another one; clamd has none that reads so. */
export function limitOfIncompleteText(message: string): ScanLimit | undefined {
  return LIMITS.find((limit) => incompleteText(limit) === message);
}
