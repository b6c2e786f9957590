import { closeSync, constants, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import type { FileApi } from '@portcullis/shared/native';
import { ActionError, codeOf } from './action-error.js';
import { renameExclusively } from './checked-rename.js';
import { entryPath, isTaken } from './entry.js';
import type { Entry } from './entry.js';
import { clashNames, INCOMING_PREFIX } from './quarantine-directory.js';
import type { OpenQuarantine } from './quarantine-directory.js';
import { encodeRecord } from './quarantine-record.js';
import type { QuarantineRecord } from './quarantine-record.js';

/** What actions and `onacc-client quarantine` ask of the native fence. */
export type ActionFiles = Pick<FileApi, 'renameNoReplace' | 'lockForWriting'>;

const RECORD_SUFFIX = '.json';
/** Of a record that is being written; the id follows, and no suffix, so that it is none yet, whatever files are called. */
const NEW_RECORD_PREFIX = '.new-';
const RECORD_MODE = 0o600;

/** A name in the quarantine that is one action's, and the record that says so. */
export interface Reservation {
  /** Name in the quarantine directory. */
  readonly file: string;
  /** Where the content goes first. */
  readonly incoming: Entry;
  readonly final: Entry;
  readonly recordEntry: Entry;
  /** Locked while the action lasts: a `purge` at the same time leaves it alone. */
  readonly recordFd: number;
}

/** Where the record of a quarantined file lies. */
export function recordEntryOf(quarantine: OpenQuarantine, file: string): Entry {
  return { directoryFd: quarantine.recordsFd, name: Buffer.from(file + RECORD_SUFFIX) };
}

/** The quarantined file whose record has this name; undefined for what is no record. */
export function fileOfRecord(recordName: string): string | undefined {
  return recordName.endsWith(RECORD_SUFFIX) ? recordName.slice(0, -RECORD_SUFFIX.length) : undefined;
}

/** Where a file with this record lies while it is on its way in. */
export function incomingEntryOf(quarantine: OpenQuarantine, record: Pick<QuarantineRecord, 'id'>): Entry {
  return { directoryFd: quarantine.directoryFd, name: Buffer.from(INCOMING_PREFIX + record.id) };
}

/**
 * Writes the record of a file that is about to come, whole and on the disk, under the first name that is free.
 *
 * @param name - see {@link quarantineName}
 * @throws ActionError NAMES_EXHAUSTED after `.999`; errno, such as ENOSPC.
 */
export function reserveRecord(
  quarantine: OpenQuarantine,
  name: string,
  record: QuarantineRecord,
  files: ActionFiles,
): Reservation {
  const fresh = { directoryFd: quarantine.recordsFd, name: Buffer.from(NEW_RECORD_PREFIX + record.id) };
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW;
  const recordFd = openSync(entryPath(fresh), flags, RECORD_MODE);
  try {
    files.lockForWriting(recordFd);
    writeWhole(recordFd, Buffer.from(encodeRecord(record)));
    fsyncSync(recordFd);
    const file = takeName(quarantine, name, fresh, files);
    fsyncSync(quarantine.recordsFd);
    return {
      file,
      incoming: incomingEntryOf(quarantine, record),
      final: { directoryFd: quarantine.directoryFd, name: Buffer.from(file) },
      recordEntry: recordEntryOf(quarantine, file),
      recordFd,
    };
  } catch (error) {
    unlinkIfThere(fresh);
    closeSync(recordFd);
    throw error;
  }
}

/** The content is in place: the name is its own from now on. @throws errno, EEXIST where somebody put a file there. */
export function settleFile(quarantine: OpenQuarantine, reservation: Reservation, files: ActionFiles): void {
  renameExclusively(reservation.incoming, reservation.final, files);
  fsyncSync(quarantine.directoryFd);
}

/** Ends an action, whether it was settled or discarded. */
export function releaseReservation({ recordFd }: Reservation): void {
  closeSync(recordFd);
}

/** Unlinks, and says whether there was anything. */
export function unlinkIfThere(entry: Entry): boolean {
  try {
    unlinkSync(entryPath(entry));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function takeName(quarantine: OpenQuarantine, name: string, fresh: Entry, files: ActionFiles): string {
  for (const file of clashNames(name)) {
    // A file without a record: clamonacc's, or an administrator's.
    if (isTaken({ directoryFd: quarantine.directoryFd, name: Buffer.from(file) })) continue;
    try {
      renameExclusively(fresh, recordEntryOf(quarantine, file), files);
      return file;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
  throw new ActionError('NAMES_EXHAUSTED', `'${name}' and '${name}.001' to '${name}.999' are all taken`);
}

function writeWhole(fd: number, bytes: Buffer): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(fd, bytes, done);
}
