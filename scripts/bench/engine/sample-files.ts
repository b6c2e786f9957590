import { createHash } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { walkFiles } from '../../parity/walk-files.js';

/** A file that may be chosen. */
export interface SizedFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** MaxFileSize: neither side looks into larger ones. */
const fileMaxBytes = 100 * 1024 * 1024;
const smallFile = { minBytes: 200, maxBytes: 8000 };
/** More files than any /usr has. */
const filesMax = 2_000_000;
/** Both sides print paths as text, and take a list with a path a line. */
const plainPath = /^[\x20-\x7e]+$/;

/** Every file below a directory that can be chosen from, in an order that has nothing to do with place, kind or size. */
export async function listFiles(root: string, exceptDirectory = ''): Promise<readonly SizedFile[]> {
  const keyed: { readonly order: string; readonly file: SizedFile }[] = [];
  for await (const path of walkFiles(root, { exceptDirectory, onUnreadable: () => undefined })) {
    if (keyed.length >= filesMax) break;
    if (!plainPath.test(path)) continue;
    const sizeBytes = lstatSync(path).size;
    if (sizeBytes === 0 || sizeBytes > fileMaxBytes) continue;
    keyed.push({ order: createHash('sha256').update(path).digest('hex'), file: { path, sizeBytes } });
  }
  return keyed.sort((a, b) => (a.order < b.order ? -1 : 1)).map(({ file }) => file);
}

/** The first of them that together have so many bytes, less one per cent at most, unless all of them have fewer. */
export function chooseByBytes(files: readonly SizedFile[], totalBytes: number): readonly SizedFile[] {
  let left = totalBytes;
  const chosen: SizedFile[] = [];
  for (const file of files) {
    if (left < totalBytes / 100) break;
    if (file.sizeBytes > left) continue;
    chosen.push(file);
    left -= file.sizeBytes;
  }
  return chosen;
}

/** The first so many of 200 to 8,000 bytes. */
export function chooseSmall(files: readonly SizedFile[], count: number): readonly SizedFile[] {
  return files
    .filter(({ sizeBytes }) => sizeBytes >= smallFile.minBytes && sizeBytes <= smallFile.maxBytes)
    .slice(0, count);
}

/** Brings them into the page cache, so that no side waits for the disk. */
export function readAllOnce(files: readonly SizedFile[]): void {
  for (const { path } of files) readFileSync(path);
}

export function sumBytes(files: readonly SizedFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
