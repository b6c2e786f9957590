import type { FileApi } from '@portcullis/shared/native';
import type { RequestSource } from './messages.js';

/**
 * The content of a borrowed descriptor, read without waiting for a disk or a server, in memory that the next call
 * overwrites.
 *
 * @returns undefined unless all of it could be read so.
 */
export type ReadCachedFile = (fd: number, sizeBytes: number) => RequestSource | undefined;

/**
 * Reads small files on the main thread, which must never wait: only from the page cache (preadv2(2), RWF_NOWAIT).
 * Whatever else happens, a failing read or a file that became shorter, is for a worker to find out.
 *
 * @param maxBytes the largest file; so much memory is held for good.
 */
export function createCachedFileReader(
  files: Pick<FileApi, 'readAtIfCached'>,
  maxBytes: number,
): ReadCachedFile {
  const bytes = new SharedArrayBuffer(maxBytes);

  return (fd, sizeBytes) => {
    if (sizeBytes > maxBytes) return undefined;
    let readBytes = 0;
    while (readBytes < sizeBytes) {
      let got: number;
      try {
        got = files.readAtIfCached(fd, new Uint8Array(bytes, readBytes, sizeBytes - readBytes), readBytes);
      } catch {
        return undefined; // The worker meets the same failure and knows what to say about it.
      }
      if (got <= 0) return undefined;
      readBytes += got;
    }
    return { kind: 'memory', bytes, sizeBytes };
  };
}
