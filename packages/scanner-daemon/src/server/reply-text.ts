import type { IncompleteReason, ReplyFrame, ScanVerdict, WireText } from '@portcullis/shared';
import {
  assertNever,
  encodeBareWord,
  encodeDetection,
  encodePathMessage,
  encodePathWord,
  incompleteText,
} from '@portcullis/shared';
import { engineErrorText } from '../scheduler/engine-error-text.js';
import type { PathProblem } from './scan-side.js';

/** clamd's fixed sentences (behaviour 1.11); those of errors without the word ERROR, which the encoder adds. */
export const replyText = {
  ...engineErrorText,
  unknownCommand: 'UNKNOWN COMMAND',
  commandUnavailable: 'COMMAND UNAVAILABLE',
  /** Always ends in LF and never carries an id, whatever the client uses (behaviour 1.9). */
  readTimedOut: 'COMMAND READ TIMED OUT',
  pong: 'PONG',
  reloading: 'RELOADING',
  databaseUpToDate: 'DBUPTODATE',
  /** The name of every INSTREAM. */
  streamName: 'stream',
  streamTooLong: 'INSTREAM size limit exceeded.',
  streamWriteFailed: 'Error writing to temporary file',
  garbage: 'Error processing command.',
  noDescriptor: 'No file descriptor received.',
  strayDescriptor: 'PROTOCOL ERROR: ancillary data sent without FILDES.',
  invalidInSession: 'Command invalid inside IDSESSION.',
  // Backslash, n and 0 are meant literally.
  oldStyleInSession: 'Only nCMDS\\n and zCMDS\\0 are accepted inside IDSESSION.',
  notSupported: 'Not supported file type',
  notRegular: 'Not a regular file',
  notEnoughThreads: 'Not enough threads for multiscan. Increase MaxThreads.',
  allMatchDisabled: 'ALLMATCHSCAN command disabled by clamd configuration.',
  excluded: 'Excluded',
  otherFilesystem: 'Excluded (another filesystem)',
  checkFailed: (strerror: string) => `File path check failure: ${strerror}.`,
  /** Ours: an extension that only a client that asked for it sees (docs, FILDES with the notice byte). */
  databaseReloaded: 'DATABASE RELOADED',
} as const;

/** FILDES is answered under the number its descriptor has here (behaviour 1.7). */
export function descriptorName(fd: number): string {
  return `fd[${fd}]`;
}

/**
 * What an incomplete scan reads as. clamd answers OK when a limit cut a scan short or an archive was encrypted; the
 * Alert* options turn that into a detection before it comes here (`alerts.ts`). Metrics and logs keep the truth.
 * A cancelled scan never reads as OK (behaviour 1.14). Nor does one that ran out of time, though clamd 1.4.6 says OK of
 * it (observed): unlike the other limits, that one says more about the machine's load than about the file, and whoever
 * keeps verdicts would keep a wrong one.
 */
const INCOMPLETE_REPLIES: Readonly<Record<IncompleteReason, 'OK' | { readonly error: string }>> = {
  fileTooLarge: 'OK',
  scanTooLarge: 'OK',
  tooDeep: 'OK',
  tooManyFiles: 'OK',
  encrypted: 'OK',
  timeLimit: { error: replyText.timeLimit },
  cancelled: { error: replyText.aborted },
};

/** Whether a verdict shows as a detection, an error or neither in the reply (behaviour 1.10, step 4). */
export function verdictFace(verdict: ScanVerdict): 'ok' | 'found' | 'error' {
  switch (verdict.kind) {
    case 'clean':
      return 'ok';
    case 'infected':
      return 'found';
    case 'incomplete':
      return INCOMPLETE_REPLIES[verdict.reason] === 'OK' ? 'ok' : 'error';
    case 'failed':
      return 'error';
    default:
      return assertNever(verdict);
  }
}

/**
 * The line or, for ALLMATCHSCAN, lines that a verdict becomes.
 *
 * @param options.tellsIncomplete - a scan that a limit ended is said to be one (docs/decisions/0005): to no client but ours.
 * What is encrypted is no matter of limits, and OK all the same.
 */
export function replyToVerdict(
  name: WireText,
  verdict: ScanVerdict,
  options: { frame: ReplyFrame; allMatch: boolean; tellsIncomplete?: boolean | undefined },
): Buffer {
  const { frame, allMatch } = options;
  switch (verdict.kind) {
    case 'clean':
      return encodePathWord(name, 'OK', frame);
    case 'infected': {
      if (!allMatch) return encodeDetection(name, verdict.signatureNames[0], frame);
      return Buffer.concat(
        verdict.signatureNames.map((signature) => encodeDetection(name, signature, frame)),
      );
    }
    case 'incomplete': {
      const { reason } = verdict;
      if (options.tellsIncomplete === true && reason !== 'cancelled' && reason !== 'encrypted') {
        return encodePathMessage(name, incompleteText(reason), frame);
      }
      const reply = INCOMPLETE_REPLIES[reason];
      return reply === 'OK' ? encodePathWord(name, 'OK', frame) : encodePathMessage(name, reply.error, frame);
    }
    case 'failed':
      return encodePathMessage(name, verdict.message, frame);
    default:
      return assertNever(verdict);
  }
}

/** The line that something the walk met becomes. */
export function replyToProblem(problem: PathProblem, frame: ReplyFrame): Buffer {
  switch (problem.kind) {
    case 'excluded':
      return encodePathWord(problem.path, replyText.excluded, frame);
    case 'otherFilesystem':
      return encodePathWord(problem.path, replyText.otherFilesystem, frame);
    case 'checkFailed':
      return encodePathMessage(problem.path, replyText.checkFailed(problem.strerror), frame);
    case 'notSupported':
      return encodePathMessage(problem.path, replyText.notSupported, frame);
    case 'accessDenied':
      return encodePathMessage(problem.path, replyText.accessDenied, frame);
    default:
      return assertNever(problem);
  }
}

/** `COMMAND READ TIMED OUT` as it stands on the wire. */
export const READ_TIMED_OUT_REPLY = encodeBareWord(replyText.readTimedOut, { terminator: '\n' });
