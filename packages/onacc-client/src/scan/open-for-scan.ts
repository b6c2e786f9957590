import { constants, open as openCallback, close as closeCallback, fstat as fstatCallback } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Closes a descriptor without a word: it was only read from. Takes the fd. */
export async function closeQuietly(fd: number): Promise<void> {
  await promisify(closeCallback)(fd).catch(() => undefined);
}

/** Why a file is not scanned. `vanished`: gone, renamed or replaced since it was told of. */
export type NotScanned = 'vanished' | 'notRegular' | 'empty' | 'tooLarge' | 'unreadable';

export type OpenedForScan =
  /** The fd is the caller's. */
  | { readonly kind: 'opened'; readonly fd: number }
  | { readonly kind: 'notScanned'; readonly why: NotScanned };

const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
/** The name lay there a moment ago: these say that it does no longer, or as something else. */
const VANISHED: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE']);

/**
 * Opens a regular file that is neither empty nor too large, as a spectator: neither its access time nor a symbolic link nor a
 * FIFO's other end is touched (behaviour 4.10, weakness 3). Looked at before it is opened, since opening a device can mean
 * something to it, and again afterwards, since it may have been replaced in between. A hung filesystem holds up one thread of
 * libuv's pool.
 *
 * @param fileMaxBytes - `Infinity` for no limit
 */
export async function openForScan(path: Buffer, fileMaxBytes: number): Promise<OpenedForScan> {
  let fd = -1;
  try {
    const before = refusalOf(await lstat(path, { bigint: true }), fileMaxBytes);
    if (before !== undefined) return { kind: 'notScanned', why: before };
    fd = await openQuietly(path, FLAGS);
    const why = refusalOf(await fstat(fd), fileMaxBytes);
    if (why === undefined) return { kind: 'opened', fd };
    await closeQuietly(fd);
    return { kind: 'notScanned', why };
  } catch (error) {
    if (fd >= 0) await closeQuietly(fd);
    return { kind: 'notScanned', why: VANISHED.has(codeOf(error)) ? 'vanished' : 'unreadable' };
  }
}

/** open(2) without an effect on the access time where that is allowed (owner or CAP_FOWNER). @returns the fd, the caller's */
export async function openQuietly(path: Buffer, flags: number): Promise<number> {
  try {
    return await open(path, flags | constants.O_NOATIME);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error;
    return open(path, flags);
  }
}

/** With bigint throughout: Node 20 aborts on a plain fstat of FIFOs and sockets. */
export async function fstat(fd: number): Promise<BigIntStats> {
  return promisify(fstatCallback)(fd, { bigint: true });
}

async function open(path: Buffer, flags: number): Promise<number> {
  return promisify(openCallback)(path, flags);
}

function refusalOf(status: BigIntStats, fileMaxBytes: number): NotScanned | undefined {
  if (!status.isFile()) return 'notRegular';
  if (status.size === 0n) return 'empty';
  return Number(status.size) > fileMaxBytes ? 'tooLarge' : undefined;
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
