import { closeSync, constants, fchmodSync, fchownSync, fstatSync, fsyncSync, openSync } from 'node:fs';
import { ActionError, codeOf } from './action-error.js';
import { removeChecked } from './checked-removal.js';
import { putBack, takeAway, unguessableId } from './checked-rename.js';
import { copyContent, hashContent } from './copy-content.js';
import type { Deadline } from './copy-content.js';
import { entryPath, placeOf, withEntryOf } from './entry.js';
import type { LocatedEntry } from './entry.js';
import type { JudgedFile } from './judged-file.js';
import { closeQuarantine, openQuarantine, quarantineName } from './quarantine-directory.js';
import type { OpenQuarantine } from './quarantine-directory.js';
import { recordedStatus } from './quarantine-record.js';
import type { QuarantineRecord } from './quarantine-record.js';
import { releaseReservation, reserveRecord, settleFile, unlinkIfThere } from './reserve-record.js';
import type { ActionFiles, Reservation } from './reserve-record.js';

/** Nobody writes to it or runs it, and only root reads it. */
const QUARANTINED_MODE = 0o400;

/** What an action works with. */
export interface ActionContext {
  /** Its descriptor is borrowed. */
  readonly judged: JudgedFile;
  readonly files: ActionFiles;
  readonly deadline: Deadline;
}

/** A file that is in the quarantine now. */
export interface Quarantined {
  readonly file: string;
  readonly sha256: string;
  /** Hard links that stay where they are. */
  readonly otherNames: number;
}

/**
 * Moves the judged inode into the quarantine. On the same filesystem it is renamed; elsewhere, and when it has other names
 * (its owner could go on writing to it by those), its content is copied and its name removed.
 *
 * @throws ActionError and errno; the file has its name, then.
 */
export function moveIntoQuarantine(directory: string, context: ActionContext): Quarantined {
  return inQuarantine(directory, (quarantine) => {
    const { judged } = context;
    const isOneName = fstatSync(judged.fd).nlink === 1;
    const moved = isOneName ? renameInto(quarantine, context) : 'otherFilesystem';
    if (moved !== 'otherFilesystem') return moved;
    return copyInto(quarantine, 'move', context, () => {
      removeChecked(judged, context.files);
    });
  });
}

/** Copies the content of the judged inode into the quarantine, and leaves the file as it is. Throws as the above. */
export function copyIntoQuarantine(directory: string, context: ActionContext): Quarantined {
  return inQuarantine(directory, (quarantine) => copyInto(quarantine, 'copy', context, () => undefined));
}

function inQuarantine(directory: string, act: (quarantine: OpenQuarantine) => Quarantined): Quarantined {
  const quarantine = openQuarantine(directory, { create: true });
  try {
    return act(quarantine);
  } finally {
    closeQuarantine(quarantine);
  }
}

function renameInto(quarantine: OpenQuarantine, context: ActionContext): Quarantined | 'otherFilesystem' {
  const { judged, files, deadline } = context;
  const sha256 = hashContent(judged.fd, deadline);
  return withEntryOf<Quarantined | 'otherFilesystem'>(judged, (entry) => {
    const { path, isElsewhere } = entry;
    const record = recordOf(context, { action: 'move', sha256, path, isElsewhere });
    return reserved(quarantine, { name: quarantineName(entry.name), record, files }, (reservation) =>
      takeIn(quarantine, reservation, { entry, context, sha256 }),
    );
  });
}

/** @returns `changed` when the name stood for another file, which has it again. */
function takeIn(
  quarantine: OpenQuarantine,
  reservation: Reservation,
  { entry, context, sha256 }: { entry: LocatedEntry; context: ActionContext; sha256: string },
): Quarantined | 'changed' | 'otherFilesystem' {
  const { files, judged } = context;
  const before = fstatSync(judged.fd, { bigint: true });
  try {
    if (takeAway(entry, reservation.incoming, before, files) === 'changed') return 'changed';
  } catch (error) {
    if (codeOf(error) === 'EXDEV') return 'otherFilesystem';
    throw error;
  }
  try {
    lockUp(judged.fd);
    settleFile(quarantine, reservation, files);
  } catch (error) {
    putBack(reservation.incoming, entry, files);
    fchownSync(judged.fd, Number(before.uid), Number(before.gid));
    fchmodSync(judged.fd, Number(before.mode & 0o7777n));
    throw error;
  }
  return { file: reservation.file, sha256, otherNames: fstatSync(judged.fd).nlink - 1 };
}

function copyInto(
  quarantine: OpenQuarantine,
  action: 'move' | 'copy',
  context: ActionContext,
  afterwards: () => void,
): Quarantined {
  const { judged, files, deadline } = context;
  const place = placeOf(judged.fd);
  const sha256 = hashContent(judged.fd, deadline);
  const record = recordOf(context, { action, sha256, path: place, isElsewhere: isElsewhere(judged) });
  const name = quarantineName(place.subarray(place.lastIndexOf(0x2f) + 1));
  return reserved(quarantine, { name, record, files }, (reservation) => {
    let copy = reservation.incoming;
    try {
      writeCopy(judged.fd, reservation, { sha256, deadline });
      settleFile(quarantine, reservation, files);
      copy = reservation.final;
      afterwards();
    } catch (error) {
      unlinkIfThere(copy);
      throw error;
    }
    const links = fstatSync(judged.fd).nlink;
    return { file: reservation.file, sha256, otherNames: action === 'move' ? links : Math.max(0, links - 1) };
  });
}

/** A new file with the same content, on the disk, read back and compared. */
function writeCopy(
  from: number,
  { incoming }: Reservation,
  { sha256, deadline }: { sha256: string; deadline: Deadline },
): void {
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW;
  const to = openSync(entryPath(incoming), flags, QUARANTINED_MODE);
  try {
    const copied = copyContent(from, to, deadline);
    fsyncSync(to);
    if (copied !== sha256) throw new ActionError('CHANGED', 'it was changed while it was copied');
    if (hashContent(to, deadline) !== sha256) {
      throw new ActionError(
        'COPY_DIFFERS',
        'the copy reads back as something else: the disk of the quarantine?',
      );
    }
    lockUp(to);
  } finally {
    closeSync(to);
  }
}

/** Has a record written first, and taken away again where nothing came of it. */
function reserved<Result>(
  quarantine: OpenQuarantine,
  { name, record, files }: { name: string; record: QuarantineRecord; files: ActionFiles },
  act: (reservation: Reservation) => Result,
): Result {
  const reservation = reserveRecord(quarantine, name, record, files);
  let isDone = false;
  try {
    const result = act(reservation);
    isDone = typeof result === 'object';
    return result;
  } finally {
    if (!isDone) unlinkIfThere(reservation.recordEntry);
    releaseReservation(reservation);
  }
}

/** Whether its path is nothing to go by here. */
function isElsewhere(judged: JudgedFile): boolean {
  try {
    return withEntryOf(judged, (entry) => ({ isElsewhere: entry.isElsewhere })).isElsewhere;
  } catch {
    return true;
  }
}

function lockUp(fd: number): void {
  fchownSync(fd, 0, 0);
  fchmodSync(fd, QUARANTINED_MODE);
}

function recordOf(
  { judged }: ActionContext,
  found: Pick<QuarantineRecord, 'action' | 'sha256' | 'path' | 'isElsewhere'>,
): QuarantineRecord {
  const { signatureName, detectedAtMs, opener } = judged;
  const status = recordedStatus(fstatSync(judged.fd, { bigint: true }));
  return { id: unguessableId(), ...found, ...status, signatureName, detectedAtMs, opener };
}
