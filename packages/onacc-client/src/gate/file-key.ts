import type { FileStatus } from '@portcullis/shared/native';

/**
 * The identity of one content version of one inode, and the facts that decide where its verdict may be kept. ctime cannot be
 * set by users (field notes 3.5.8), and changes with mode, owner and links.
 */
export type FileKey = Pick<
  FileStatus,
  | 'devMajor'
  | 'devMinor'
  | 'inodeHigh'
  | 'inodeLow'
  | 'sizeBytes'
  | 'mtimeSeconds'
  | 'mtimeNs'
  | 'ctimeSeconds'
  | 'ctimeNs'
  | 'mode'
  | 'uid'
  | 'linkCount'
  | 'mountId'
>;

/** A copy that stays when the status record is filled anew. */
export function keyOf(status: FileStatus): FileKey {
  return {
    devMajor: status.devMajor,
    devMinor: status.devMinor,
    inodeHigh: status.inodeHigh,
    inodeLow: status.inodeLow,
    sizeBytes: status.sizeBytes,
    mtimeSeconds: status.mtimeSeconds,
    mtimeNs: status.mtimeNs,
    ctimeSeconds: status.ctimeSeconds,
    ctimeNs: status.ctimeNs,
    mode: status.mode,
    uid: status.uid,
    linkCount: status.linkCount,
    mountId: status.mountId,
  };
}

/** Same inode, same version, whatever mount it was reached through. */
export function sameKey(a: FileKey, b: FileKey): boolean {
  return (
    a.inodeLow === b.inodeLow &&
    a.inodeHigh === b.inodeHigh &&
    a.devMinor === b.devMinor &&
    a.devMajor === b.devMajor &&
    a.sizeBytes === b.sizeBytes &&
    a.ctimeNs === b.ctimeNs &&
    a.ctimeSeconds === b.ctimeSeconds &&
    a.mtimeNs === b.mtimeNs &&
    a.mtimeSeconds === b.mtimeSeconds
  );
}

/** A 32-bit hash of the inode's identity (not of the version). */
export function hashInode(key: FileKey): number {
  let hash = Math.imul(key.inodeLow, 0x9e3779b1) ^ Math.imul(key.inodeHigh + 0x85eb, 0x85ebca6b);
  hash ^= Math.imul(key.devMinor + key.devMajor * 4096, 0xc2b2ae35);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 0;
}
