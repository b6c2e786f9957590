/* eslint-disable n/no-sync -- a file under /proc is no disk's: reading it waits for nobody's answer, and the opener waits for us */
import { closeSync, openSync, readSync } from 'node:fs';

/**
 * The first bytes of a text file under /proc, in one read; '' where it cannot be read. Never for other paths: an open of a
 * marked file would wait for the gate that makes it.
 */
export function readProcText(path: string, bytesMax: number): string {
  let fd = -1;
  try {
    fd = openSync(path, 'r');
    const text = Buffer.alloc(bytesMax);
    return text.toString('utf8', 0, readSync(fd, text, 0, bytesMax, 0));
  } catch {
    return ''; // gone, not permitted, or no descriptor left
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
