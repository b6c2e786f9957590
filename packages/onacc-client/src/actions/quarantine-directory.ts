import { closeSync, constants, fstatSync, mkdirSync, openSync, realpathSync, statSync } from 'node:fs';
import { messageOf } from '@portcullis/shared';
import { ActionError, codeOf } from './action-error.js';
import { entryPath, isTaken } from './entry.js';
import type { Entry } from './entry.js';

/** Records lie here, in the quarantine directory; files beside it, as clamonacc puts them. */
export const RECORDS_DIRECTORY = '.portcullis';
/** A file on its way in: this and its record's id. */
export const INCOMING_PREFIX = '.incoming-';
const NAME_MAX_BYTES = 200;
const GROUP_WRITABLE = 0o020;
const WORLD_WRITABLE = 0o002;
const STICKY = 0o1000;

/** What there is to say about a quarantine directory at the start. */
export interface DirectoryCheck {
  /** Any of them: do not start. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Looks at the target of `--move` or `--copy` before anything is protected (behaviour 4.8: clamonacc ran on without any
 * action).
 *
 * @param protectedRoots - include paths, absolute and free of symbolic links
 */
export function checkQuarantineDirectory(
  directory: string,
  protectedRoots: readonly string[],
): DirectoryCheck {
  let path: string;
  try {
    path = realpathSync(directory);
    const { mode, uid } = statSync(path);
    if ((mode & constants.S_IFMT) !== constants.S_IFDIR) throw new Error('no directory');
    const errors = whyUnsafe(path, mode, uid);
    const warnings = [];
    if ((mode & GROUP_WRITABLE) !== 0 && (mode & STICKY) === 0) {
      warnings.push(`quarantine directory '${path}': its group can write to it, and so delete what is in it`);
    }
    const root = protectedRoots.find((candidate) => isWithin(path, candidate));
    if (root !== undefined) {
      warnings.push(
        `quarantine directory '${path}' lies in '${root}', which is protected: what is in it is refused to everybody, ` +
          'also to those who look into it; nothing is moved twice',
      );
    }
    return { errors, warnings };
  } catch {
    return { errors: [`'${directory}' doesn't exist or is not a directory`], warnings: [] };
  }
}

function whyUnsafe(path: string, mode: number, uid: number): string[] {
  const errors = [];
  if (uid !== 0 && uid !== process.geteuid?.()) {
    errors.push(
      `quarantine directory '${path}' belongs to uid ${uid}, not to root: its owner could take from it`,
    );
  }
  if ((mode & WORLD_WRITABLE) !== 0 && (mode & STICKY) === 0) {
    errors.push(`quarantine directory '${path}' can be written to by everybody (chmod 0700 it)`);
  }
  return errors;
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root === '/' ? '/' : `${root}/`);
}

/** A quarantine directory in which nothing has ever been quarantined. */
export const NO_RECORDS = -1;

/** A quarantine directory that is held open, so that it is one and the same for the whole of an action. */
export interface OpenQuarantine {
  /** As configured. */
  readonly directory: string;
  readonly directoryFd: number;
  /** {@link NO_RECORDS} where there is no such directory, and none was to be made. */
  readonly recordsFd: number;
}

/**
 * Opens the quarantine, anew for each action: an administrator may have made another one in its place.
 *
 * @param options.create - makes the directory of the records where it is missing
 * @throws ActionError QUARANTINE_UNAVAILABLE. The caller closes what it gets.
 */
export function openQuarantine(directory: string, options: { create: boolean }): OpenQuarantine {
  let directoryFd: number | undefined;
  try {
    directoryFd = openSync(directory, constants.O_DIRECTORY);
    const { mode, uid } = fstatSync(directoryFd);
    const [problem] = whyUnsafe(directory, mode, uid);
    if (problem !== undefined) throw new ActionError('QUARANTINE_UNAVAILABLE', problem);
    const recordsFd = openRecords({ directoryFd, name: Buffer.from(RECORDS_DIRECTORY) }, options.create);
    return { directory, directoryFd, recordsFd };
  } catch (cause) {
    if (directoryFd !== undefined) closeSync(directoryFd);
    const message = `quarantine destination '${directory}' is unavailable: ${messageOf(cause)}`;
    throw new ActionError('QUARANTINE_UNAVAILABLE', message, { cause });
  }
}

/** Closes both of its descriptors. */
export function closeQuarantine({ directoryFd, recordsFd }: OpenQuarantine): void {
  if (recordsFd !== NO_RECORDS) closeSync(recordsFd);
  closeSync(directoryFd);
}

/** In a directory that others can write to, somebody may have made it first. */
function openRecords(entry: Entry, create: boolean): number {
  try {
    if (create) mkdirSync(entryPath(entry), 0o700);
    else if (!isTaken(entry)) return NO_RECORDS;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  const recordsFd = openSync(entryPath(entry), constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const { mode, uid } = fstatSync(recordsFd);
  if ((uid === 0 || uid === process.geteuid?.()) && (mode & 0o022) === 0) return recordsFd;
  closeSync(recordsFd);
  throw new Error(`'${RECORDS_DIRECTORY}' in it belongs to somebody else, or can be written to by others`);
}

/**
 * The name that a file gets in the quarantine: its own, as in clamonacc. What is no UTF-8 and control characters become
 * `_`, what is longer than 200 bytes is cut, and names that are ours get a `_` in front.
 */
export function quarantineName(name: Buffer): string {
  const text = name
    .toString('utf8')
    // eslint-disable-next-line no-control-regex -- these are the very characters that must not come through
    .replace(/[\u0000-\u001f\u007f-\u009f\ufffd/]/g, '_');
  const isOurs = text.startsWith(RECORDS_DIRECTORY) || text.startsWith(INCOMING_PREFIX);
  return cutToBytes(isOurs ? `_${text}` : text, NAME_MAX_BYTES);
}

/** `.001` to `.999` follow the name itself (behaviour 4.8). */
export function* clashNames(name: string): Generator<string> {
  yield name;
  for (let n = 1; n <= 999; n += 1) yield `${name}.${n.toString().padStart(3, '0')}`;
}

function cutToBytes(text: string, maxBytes: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}
