import { closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, readSync } from 'node:fs';
import { codeOf, reasonOf } from './action-error.js';
import { entryPath, isEntryOf, isTaken } from './entry.js';
import type { Entry } from './entry.js';
import { NO_RECORDS, RECORDS_DIRECTORY } from './quarantine-directory.js';
import type { OpenQuarantine } from './quarantine-directory.js';
import { decodeRecord, RecordError, RECORD_MAX_BYTES } from './quarantine-record.js';
import type { QuarantineRecord } from './quarantine-record.js';
import { fileOfRecord, incomingEntryOf, recordEntryOf } from './reserve-record.js';
import type { ActionFiles } from './reserve-record.js';

/** More than that are not looked at. */
const ENTRIES_MAX = 100_000;

/** What lies in the quarantine under one name. */
export type QuarantineEntry =
  | {
      readonly file: string;
      /** `unfinished`: the program ended in the middle of the action, all the content is there. */
      readonly state: 'whole' | 'unfinished' | 'missing';
      readonly record: QuarantineRecord;
    }
  | { readonly file: string; readonly state: 'damaged'; readonly problem: string }
  /** Put there by clamonacc or by hand. */
  | {
      readonly file: string;
      readonly state: 'noRecord';
      readonly sizeBytes: number;
      readonly mtimeMs: number;
    };

/** All that lies in the quarantine, by name; at most 100,000 files. */
export function readEntries(quarantine: OpenQuarantine): QuarantineEntry[] {
  const entries = new Map<string, QuarantineEntry>();
  const staged = new Set<string>();
  for (const recordName of namesIn(quarantine.recordsFd)) {
    const file = fileOfRecord(recordName);
    if (file === undefined) continue;
    const entry = readEntry(quarantine, file);
    if (entry === undefined) continue;
    entries.set(file, entry);
    if ('record' in entry) staged.add(incomingEntryOf(quarantine, entry.record).name.toString());
  }
  for (const file of namesIn(quarantine.directoryFd)) {
    if (entries.has(file) || staged.has(file) || file === RECORDS_DIRECTORY) continue;
    const status = lstatSync(entryPath(fileEntryOf(quarantine, file)), { throwIfNoEntry: false });
    if (status?.isFile() !== true) continue;
    entries.set(file, { file, state: 'noRecord', sizeBytes: status.size, mtimeMs: status.mtimeMs });
  }
  return [...entries.values()].sort((one, other) => (one.file < other.file ? -1 : 1));
}

/** One of them; undefined when no record says that it is there. */
export function readEntry(quarantine: OpenQuarantine, file: string): QuarantineEntry | undefined {
  let record: QuarantineRecord;
  try {
    record = readRecord(recordEntryOf(quarantine, file));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    return { file, state: 'damaged', problem: reasonOf(error) };
  }
  if (isTaken(fileEntryOf(quarantine, file))) return { file, state: 'whole', record };
  const isStaged = isTaken(incomingEntryOf(quarantine, record));
  return { file, state: isStaged ? 'unfinished' : 'missing', record };
}

/** Where the content lies. */
export function contentEntryOf(quarantine: OpenQuarantine, entry: QuarantineEntry): Entry {
  return entry.state === 'unfinished'
    ? incomingEntryOf(quarantine, entry.record)
    : fileEntryOf(quarantine, entry.file);
}

/** Whether a name can be that of a quarantined file at all: one component of a path. */
export function isFileName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
}

/**
 * Does something with a quarantined file while nobody else does: not another `quarantine` command, not the client that is
 * just putting it there.
 *
 * @returns `notThere`, `inUse`, or what `act` returned.
 */
export function withLockedEntry<Result>(
  quarantine: OpenQuarantine,
  file: string,
  files: ActionFiles,
  act: (entry: QuarantineEntry) => Result,
): Result | 'notThere' | 'inUse' {
  if (quarantine.recordsFd === NO_RECORDS || !isFileName(file)) return 'notThere';
  const recordEntry = recordEntryOf(quarantine, file);
  let recordFd: number;
  try {
    recordFd = openSync(
      entryPath(recordEntry),
      constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'notThere';
    throw error;
  }
  try {
    if (files.lockForWriting(recordFd) === 'heldByOther') return 'inUse';
    // Whoever held it before may have restored or purged the file.
    if (!isEntryOf(recordEntry, fstatSync(recordFd, { bigint: true }))) return 'notThere';
    const entry = readEntry(quarantine, file);
    return entry === undefined ? 'notThere' : act(entry);
  } finally {
    closeSync(recordFd);
  }
}

function fileEntryOf(quarantine: OpenQuarantine, file: string): Entry {
  return { directoryFd: quarantine.directoryFd, name: Buffer.from(file) };
}

/** @throws RecordError, errno. */
function readRecord(entry: Entry): QuarantineRecord {
  const fd = openSync(entryPath(entry), constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw new RecordError('the record is no regular file');
    if (status.size > RECORD_MAX_BYTES) throw new RecordError('the record is too long');
    const bytes = Buffer.alloc(status.size);
    let got = 0;
    while (got < bytes.length) {
      const more = readSync(fd, bytes, got, bytes.length - got, got);
      if (more === 0) break;
      got += more;
    }
    return decodeRecord(bytes.toString('utf8', 0, got));
  } finally {
    closeSync(fd);
  }
}

function* namesIn(directoryFd: number): Generator<string> {
  if (directoryFd === NO_RECORDS) return;
  const directory = opendirSync(`/proc/self/fd/${directoryFd}`);
  try {
    for (let count = 0; count < ENTRIES_MAX; count += 1) {
      const found = directory.readSync();
      if (found === null) return;
      yield found.name;
    }
  } finally {
    directory.closeSync();
  }
}
