import { createHash } from 'node:crypto';
import { fstatSync, readSync, writeSync } from 'node:fs';
import { ActionError } from './action-error.js';

const BLOCK_BYTES = 256 * 1024;

/** When work on one file has to end: monotonic milliseconds. */
export interface Deadline {
  readonly atMs: number;
  readonly nowMs: () => number;
}

/**
 * SHA-256 of an open file, at most as long as it is now. Never moves its offset.
 *
 * @param fd - borrowed
 * @returns hexadecimal
 * @throws ActionError CHANGED when it changed meanwhile, TIME_LIMIT.
 */
export function hashContent(fd: number, deadline: Deadline): string {
  return readThrough(fd, deadline, () => undefined);
}

/**
 * Copies what an open file holds to another one, from its beginning.
 *
 * @param from - borrowed, as `to`
 * @returns SHA-256 of what was copied, hexadecimal
 * @throws ActionError CHANGED when it changed meanwhile, TIME_LIMIT; errno of write(2), such as ENOSPC.
 */
export function copyContent(from: number, to: number, deadline: Deadline): string {
  let written = 0;
  return readThrough(from, deadline, (block) => {
    let done = 0;
    while (done < block.length) done += writeSync(to, block, done, block.length - done, written + done);
    written += block.length;
  });
}

function readThrough(fd: number, deadline: Deadline, take: (block: Buffer) => void): string {
  const before = fstatSync(fd, { bigint: true });
  const hash = createHash('sha256');
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let offset = 0;
  while (offset < before.size) {
    if (deadline.nowMs() > deadline.atMs)
      throw new ActionError('TIME_LIMIT', 'it takes too long, or the client is being stopped');
    const got = readSync(fd, block, 0, block.length, offset);
    if (got === 0) break;
    const part = block.subarray(0, got);
    hash.update(part);
    take(part);
    offset += got;
  }
  const after = fstatSync(fd, { bigint: true });
  if (BigInt(offset) !== before.size || after.size !== before.size || after.mtimeNs !== before.mtimeNs) {
    throw new ActionError('CHANGED', 'it was changed while it was read');
  }
  return hash.digest('hex');
}
