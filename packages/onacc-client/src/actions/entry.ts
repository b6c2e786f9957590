import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { ActionError, codeOf } from './action-error.js';

/** asm-generic/fcntl.h; node:fs has no name for it. Names a place without opening it. */
const O_PATH = 0o10000000;
/** How often a file that is being renamed is looked for. */
const TRIES_MAX = 64;
const TRIES_WITHOUT_PAUSE = 8;
const PAUSE_MS = 5;
const DELETED_SUFFIX = ' (deleted)';
const SLASH = 0x2f;

/** A name in a directory that is held open, so that nobody can put another directory in its place. */
export interface Entry {
  readonly directoryFd: number;
  /** As the filesystem has it: bytes, perhaps no UTF-8. */
  readonly name: Buffer;
}

/** An entry and the path that led there. */
export interface LocatedEntry extends Entry {
  readonly path: Buffer;
  /** The path is one of another mount namespace: a container's. */
  readonly isElsewhere: boolean;
}

/** An open file, and the process that opened it: its path may be one that only that process can see. */
export interface OpenedFile {
  /** Borrowed. */
  readonly fd: number;
  readonly opener: { readonly pid: number };
}

/** Which inode. */
export type InodeId = Pick<BigIntStats, 'dev' | 'ino'>;

/** A path for system calls that leads through the directory that is held, whatever it is called by now. */
export function entryPath({ directoryFd, name }: Entry): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${directoryFd}/`), name]);
}

/** The directory's descriptor is the caller's. A final symbolic link is not followed. */
export function openPlace(directory: Buffer | string): number {
  return openSync(directory, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

/** Whether the name stands for that very inode at this moment. */
export function isEntryOf(entry: Entry, inode: InodeId): boolean {
  try {
    const found = lstatSync(entryPath(entry), { bigint: true });
    return found.dev === inode.dev && found.ino === inode.ino;
  } catch (error) {
    if (isNotThere(error)) return false;
    throw error;
  }
}

/** Whether something has that name. */
export function isTaken(entry: Entry): boolean {
  return lstatSync(entryPath(entry), { throwIfNoEntry: false }) !== undefined;
}

/**
 * Finds the name under which an open file stands now, and does something with it. Whatever the name stands for may change
 * at any moment: `act` has to check what it got, and says `changed` when it was another file, for another try.
 *
 * A path of another mount namespace is looked for below the root of the opener, if that still runs. Whether it is right is
 * seen by the inode alone, here as everywhere: a process with a recycled id can lead to no other file.
 *
 * @throws ActionError GONE, NAME_GONE, KEEPS_MOVING, UNREACHABLE; and whatever `act` throws.
 */
export function withEntryOf<Result>(
  { fd, opener }: OpenedFile,
  act: (entry: LocatedEntry) => Result | 'changed',
): Result {
  const roots = rootsToTry(opener.pid);
  let wasThere = false;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    if (tries >= TRIES_WITHOUT_PAUSE) pause();
    if (fstatSync(fd).nlink === 0) throw new ActionError('GONE', 'it has been deleted');
    const path = placeOf(fd);
    // A name that was removed does not come back; one that only looks like it is found by now.
    if (tries >= TRIES_WITHOUT_PAUSE && isDeleted(path)) break;
    if (path[0] !== SLASH) throw new ActionError('UNREACHABLE', 'its path cannot be reached from here');
    for (const root of roots) {
      const result = tryEntry({ fd, path, root }, act);
      if (result === 'notThere') continue;
      wasThere = true;
      if (result !== 'changed') return result.done;
    }
  }
  throw whyNotFound(placeOf(fd), wasThere);
}

/** Ours, and the opener's where that is another mount namespace. */
function rootsToTry(pid: number): readonly string[] {
  try {
    const [own, others] = [readlinkSync('/proc/self/ns/mnt'), readlinkSync(`/proc/${pid}/ns/mnt`)];
    return own === others ? [''] : ['', `/proc/${pid}/root`];
  } catch {
    return ['']; // it has ended
  }
}

function tryEntry<Result>(
  { fd, path, root }: { fd: number; path: Buffer; root: string },
  act: (entry: LocatedEntry) => Result | 'changed',
): { readonly done: Result } | 'changed' | 'notThere' {
  const slash = path.lastIndexOf(SLASH);
  const directory = Buffer.concat([Buffer.from(root), path.subarray(0, Math.max(1, slash))]);
  let directoryFd: number;
  try {
    directoryFd = openPlace(directory);
  } catch (error) {
    if (root !== '' || isNotThere(error)) return 'notThere';
    throw error;
  }
  try {
    const entry = { directoryFd, name: path.subarray(slash + 1), path, isElsewhere: root !== '' };
    if (!isEntryOf(entry, fstatSync(fd, { bigint: true }))) return 'notThere';
    const result = act(entry);
    return result === 'changed' ? 'changed' : { done: result };
  } finally {
    closeSync(directoryFd);
  }
}

/** The path of an open file as the kernel knows it now (proc(5)). */
export function placeOf(fd: number): Buffer {
  return readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' });
}

function whyNotFound(place: Buffer, wasThere: boolean): ActionError {
  if (isDeleted(place)) {
    return new ActionError(
      'NAME_GONE',
      'the name that it was opened by is gone; it has other names, which stay',
    );
  }
  return wasThere
    ? new ActionError('KEEPS_MOVING', 'it is being renamed all the time')
    : new ActionError(
        'UNREACHABLE',
        'its path leads to no or to another file: of a container that has ended, or below another mount',
      );
}

/** How the kernel shows a name that was removed (proc(5)); a file can be called so, too. */
function isDeleted(place: Buffer): boolean {
  return place.subarray(-DELETED_SUFFIX.length).toString('latin1') === DELETED_SUFFIX;
}

/** Nothing there, or no longer a directory on the way, or a symbolic link where one was. */
function isNotThere(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error));
}

/** This thread has nothing else to do. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}
