import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  openSync,
  realpathSync,
  unlinkSync,
} from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { sanitize } from '@portcullis/shared';
import { codeOf, reasonOf } from './action-error.js';
import { renameExclusively, unguessableId } from './checked-rename.js';
import { copyContent } from './copy-content.js';
import { entryPath, isEntryOf, isTaken, openPlace } from './entry.js';
import type { Entry } from './entry.js';
import type { OpenQuarantine } from './quarantine-directory.js';
import { contentEntryOf } from './quarantine-entries.js';
import type { QuarantineEntry } from './quarantine-entries.js';
import type { QuarantineRecord } from './quarantine-record.js';
import { recordEntryOf, unlinkIfThere } from './reserve-record.js';
import type { ActionFiles } from './reserve-record.js';

const NANOSECONDS = 1e9;
const UNLIMITED = { atMs: Number.POSITIVE_INFINITY, nowMs: () => 0 };

/** How a restoration ended; texts are cleaned for a terminal. */
export type RestoreOutcome =
  { readonly kind: 'restored'; readonly text: string } | { readonly kind: 'refused'; readonly text: string };

/** What restoring works with. */
export interface RestoreContext {
  readonly quarantine: OpenQuarantine;
  readonly files: ActionFiles;
  /** Where to, instead of where it lay. */
  readonly to: string | undefined;
}

/**
 * Puts a copy of a quarantined file where the file lay, with its owner, mode and times, and then takes it out of the
 * quarantine. Replaces nothing. On the way to where it lay no symbolic link is followed: there was none, and whoever owns
 * a directory on the way could lead root elsewhere by one. Extended attributes are not restored.
 *
 * @param entry - locked by the caller
 */
export function restoreEntry(entry: QuarantineEntry, context: RestoreContext): RestoreOutcome {
  const file = sanitize(entry.file);
  if (entry.state === 'noRecord') return refused(`'${file}' has no record`);
  if (entry.state === 'damaged') {
    return refused(
      `the record of '${file}' is damaged: ${sanitize(entry.problem)}. The file can be copied by hand`,
    );
  }
  if (entry.state === 'missing') return refused(`'${file}' itself is gone; only its record is left`);
  let place: Entry;
  const { to } = context;
  if (entry.record.isElsewhere && to === undefined) {
    return refused(`'${file}' lay in a container or below another mount: say where to by --to PATH`);
  }
  const path = to === undefined ? entry.record.path : Buffer.from(resolve(to));
  const shown = sanitize(path);
  try {
    place = to === undefined ? openOriginalPlace(path) : openChosenPlace(resolve(to));
  } catch (error) {
    return refused(
      `the directory of '${shown}' cannot be used (${codeOf(error)}): give another place by --to PATH`,
    );
  }
  try {
    if (isTaken(place)) return refused(`'${shown}' exists already: give another place by --to PATH`);
    return putOut({ entry, record: entry.record, place, shown }, context);
  } catch (error) {
    return refused(whyNot(error, shown));
  } finally {
    closeSync(place.directoryFd);
  }
}

function putOut(
  what: { entry: QuarantineEntry; record: QuarantineRecord; place: Entry; shown: string },
  { quarantine, files }: RestoreContext,
): RestoreOutcome {
  const { entry, record, place, shown } = what;
  const from = contentEntryOf(quarantine, entry);
  const isPut = putCopy(from, record, { place, files });
  if (isPut !== 'put') return refused(isPut);
  unlinkSync(entryPath(from));
  unlinkIfThere(recordEntryOf(quarantine, entry.file));
  return {
    kind: 'restored',
    text: `${shown}: restored from '${sanitize(`${quarantine.directory}/${entry.file}`)}'`,
  };
}

/** @returns `put`, or why not. */
function putCopy(
  from: Entry,
  record: QuarantineRecord,
  { place, files }: { place: Entry; files: ActionFiles },
): string {
  const { directoryFd } = place;
  const held = { directoryFd, name: Buffer.from(`.portcullis-${unguessableId()}`) };
  const source = openSync(entryPath(from), constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW;
  let target: number | undefined;
  try {
    if (!fstatSync(source).isFile()) return 'what lies in the quarantine is no regular file';
    target = openSync(entryPath(held), flags, 0o600);
    if (copyContent(source, target, UNLIMITED) !== record.sha256) {
      return 'its content is not what was quarantined (SHA-256 differs); it stays where it is';
    }
    // In this order: a change of owner takes set-user-ID away.
    fchownSync(target, record.uid, record.gid);
    fchmodSync(target, record.mode);
    futimesSync(target, Number(record.atimeNs) / NANOSECONDS, Number(record.mtimeNs) / NANOSECONDS);
    fsyncSync(target);
    renameExclusively(held, place, files);
    if (!isEntryOf(place, fstatSync(target, { bigint: true }))) {
      return 'somebody has put another file in its place meanwhile; it stays where it is';
    }
    syncDirectory(directoryFd);
    return 'put';
  } finally {
    closeSync(source);
    if (target !== undefined) closeSync(target);
    unlinkIfThere(held);
  }
}

/** Step by step, without following a symbolic link. The caller closes the directory. */
function openOriginalPlace(path: Buffer): Entry {
  const names = path
    .toString('latin1')
    .split('/')
    .filter((name) => name !== '');
  const last = names.pop() ?? '';
  let directoryFd = openPlace('/');
  for (const name of names) {
    const above = directoryFd;
    try {
      directoryFd = openPlace(entryPath({ directoryFd: above, name: Buffer.from(name, 'latin1') }));
    } finally {
      closeSync(above);
    }
  }
  return { directoryFd, name: Buffer.from(last, 'latin1') };
}

/** What an administrator types may lead through symbolic links. */
function openChosenPlace(path: string): Entry {
  return { directoryFd: openPlace(realpathSync(dirname(path))), name: Buffer.from(basename(path)) };
}

function syncDirectory(directoryFd: number): void {
  const fd = openSync(entryPath({ directoryFd, name: Buffer.from('.') }), constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } catch {
    // Not every filesystem can; the content is on the disk.
  } finally {
    closeSync(fd);
  }
}

function whyNot(error: unknown, shown: string): string {
  const code = codeOf(error);
  if (code === 'EEXIST') return `'${shown}' exists already: give another place by --to PATH`;
  if (code === 'EPERM') {
    return 'the kernel refused it (EPERM): not root, an immutable file, or the quarantine directory itself is protected';
  }
  return `'${shown}' could not be restored: ${sanitize(reasonOf(error))}`;
}

function refused(text: string): RestoreOutcome {
  return { kind: 'refused', text };
}
