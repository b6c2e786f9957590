import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { strerror } from '@portcullis/shared';
import {
  BYTE_ORDER,
  encodeHeader,
  HEADER_BYTES,
  IMAGE_BYTES_MAX,
  isImageKey,
  LAYOUT_VERSION,
  type ImageIdentity,
} from './image-format.js';
import { alignUp, takeApart, type TreeTable } from './tree-table.js';

/** What came of writing an image. */
export type ImageWritten =
  | { readonly kind: 'written'; readonly sizeBytes: number }
  /** There is no new image, and nothing is left of the attempt. */
  | { readonly kind: 'failed'; readonly why: string };

/** What a temporary file ends in, so that the leftovers of a killed process can be told from images. */
export const PART_SUFFIX = '.part';

/** Copied through, so that many small arrays are one write. */
const STAGING_BYTES = 4 * 1024 * 1024;

/**
 * Writes a tree of plain objects and typed arrays as an image: whole or not at all. A file of that name is replaced;
 * whoever has it open keeps reading the old one. Mode 0600.
 */
export async function writeImage(
  path: string,
  tree: unknown,
  { key, formatVersion }: ImageIdentity,
): Promise<ImageWritten> {
  if (!isImageKey(key)) return { kind: 'failed', why: 'the key is no SHA-256' };
  const parts = takeApart(tree);
  if ('why' in parts) return { kind: 'failed', why: parts.why };
  const sizeBytes = HEADER_BYTES + parts.table.byteLength + parts.arrayBytes;
  if (sizeBytes > IMAGE_BYTES_MAX) {
    return { kind: 'failed', why: `${sizeBytes} bytes are more than the ${IMAGE_BYTES_MAX} of an image` };
  }
  const partName = `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}${PART_SUFFIX}`;
  const partPath = join(dirname(path), partName);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  let handle: FileHandle | undefined;
  try {
    handle = await open(partPath, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    const bodyDigest = await writeBody(handle, parts);
    const { byteLength: treeBytes } = parts.table;
    const layout = { layoutVersion: LAYOUT_VERSION, byteOrder: BYTE_ORDER };
    const header = { ...layout, formatVersion, key, treeBytes, arrayBytes: parts.arrayBytes, bodyDigest };
    await writeWhole(handle, encodeHeader(header), 0);
    await handle.sync();
    await handle.close();
    await rename(partPath, path);
  } catch (error) {
    if (handle !== undefined) await discard(handle, partPath);
    return { kind: 'failed', why: strerror(error) };
  }
  await syncDirectory(dirname(path));
  return { kind: 'written', sizeBytes };
}

/** Writes all behind the header. @returns its digest. */
async function writeBody(handle: FileHandle, { table, arrays }: TreeTable): Promise<string> {
  const hash = createHash('sha256');
  const staging = Buffer.alloc(STAGING_BYTES);
  let staged = 0;
  let position = HEADER_BYTES;
  const flush = async (): Promise<void> => {
    const chunk = staging.subarray(0, staged);
    hash.update(chunk);
    await writeWhole(handle, chunk, position);
    position += staged;
    staged = 0;
  };
  for (const array of [table, ...arrays]) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    let taken = 0;
    while (taken < bytes.length) {
      const length = Math.min(bytes.length - taken, STAGING_BYTES - staged);
      staging.set(bytes.subarray(taken, taken + length), staged);
      taken += length;
      staged += length;
      if (staged === STAGING_BYTES) await flush();
    }
    // Flushes happen at multiples of the alignment only, so that the gap always fits.
    const gapEnd = alignUp(staged);
    staging.fill(0, staged, gapEnd);
    staged = gapEnd;
  }
  await flush();
  return hash.digest('hex');
}

async function writeWhole(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const result = await handle.write(bytes, written, bytes.byteLength - written, position + written);
    written += result.bytesWritten;
  }
}

/** Failures here change nothing: the caller is told about the first one already. */
async function discard(handle: FileHandle, partPath: string): Promise<void> {
  await handle.close().catch(() => undefined);
  await unlink(partPath).catch(() => undefined);
}

/** Makes the rename last. Without it an image may be lost with the power: then it is built again. */
async function syncDirectory(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    await handle.sync();
  } catch {
    // Some file systems cannot sync a directory.
  } finally {
    await handle?.close();
  }
}
