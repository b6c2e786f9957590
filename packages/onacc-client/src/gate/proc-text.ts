/* eslint-disable n/no-sync -- a file under /proc is no disk's: reading it waits for nobody's answer, and the opener waits for us */
import { closeSync, openSync, readSync } from 'node:fs';

/** The kernel gives out about a page at a time, whatever is asked for. */
const CHUNK_BYTES = 65_536;

/**
 * The first bytes of a text file under /proc; '' where it cannot be read. Never for other paths: an open of a
 * marked file would wait for the gate that makes it.
 */
export function readProcText(path: string, bytesMax: number): string {
  let fd = -1;
  try {
    fd = openSync(path, 'r');
    const chunks: Buffer[] = [];
    let [sizeBytes, gotBytes] = [0, 0];
    do {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, bytesMax - sizeBytes));
      gotBytes = readSync(fd, chunk, 0, chunk.length, null);
      chunks.push(chunk.subarray(0, gotBytes));
      sizeBytes += gotBytes;
    } while (gotBytes > 0 && sizeBytes < bytesMax);
    return Buffer.concat(chunks).toString('utf8');
  } catch {
    return ''; // gone, not permitted, or no descriptor left
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
