import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { isErrno } from '@portcullis/shared/native';
import { strerror } from '@portcullis/shared';
import { OTHERS_MAY_WRITE } from './image-directory.js';
import {
  ALIGNMENT_BYTES,
  BYTE_ORDER,
  decodeHeader,
  HEADER_BYTES,
  IMAGE_BYTES_MAX,
  isImageKey,
  LAYOUT_VERSION,
  TREE_BYTES_MAX,
  type ImageHeader,
  type ImageIdentity,
} from './image-format.js';
import { putTogether } from './tree-table.js';

/**
 * Why there is no tree to be had from an image. All but `silent` mean the same to the caller: build it anew, and write
 * it. `silent` means not to touch the directory again.
 */
export interface NoImage {
  /**
   * `absent`: there is no file. `stale`: a sound image of other sources, of another version, or of a machine with the
   * other byte order. `foreign`: somebody else could have written it, or it is no plain file. `damaged`: it is not what
   * was written. `silent`: the filesystem has not answered in time ({@link loadThroughImage}'s word, not
   * {@link readImage}'s).
   */
  readonly kind: 'absent' | 'stale' | 'foreign' | 'damaged' | 'silent';
  readonly why: string;
}

/** What an image says. */
export type ImageRead = { readonly kind: 'read'; readonly tree: unknown } | NoImage;

/** Read while the last chunk is digested. */
const CHUNK_BYTES = 8 * 1024 * 1024;

/**
 * Reads an image straight into shared memory. Trusts nothing but a file of this account that nobody else can write,
 * with the right key and version and not a bit changed. Never throws for what it finds, and never allocates more than
 * the size of the file.
 */
export async function readImage(path: string, identity: ImageIdentity): Promise<ImageRead> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  if (!isImageKey(identity.key)) return { kind: 'stale', why: 'the key is no SHA-256' };
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    return await readOpened(handle, identity);
  } catch (error) {
    return noImageFor(error);
  } finally {
    await handle?.close().catch(() => undefined);
  }
}

async function readOpened(handle: FileHandle, identity: ImageIdentity): Promise<ImageRead> {
  // Without bigint, fstat of a socket or FIFO fails in Node 20.
  const status = await handle.stat({ bigint: true });
  if (!status.isFile()) return { kind: 'foreign', why: 'not a plain file' };
  if (status.uid !== BigInt(process.geteuid?.() ?? 0))
    return { kind: 'foreign', why: `owned by ${status.uid}` };
  if ((Number(status.mode) & OTHERS_MAY_WRITE) !== 0) return { kind: 'foreign', why: 'others may write it' };
  if (status.size > BigInt(IMAGE_BYTES_MAX)) return { kind: 'damaged', why: 'too large' };
  const sizeBytes = Number(status.size);

  const head = Buffer.alloc(HEADER_BYTES);
  if (!(await readWhole(handle, head, 0))) return { kind: 'damaged', why: 'shorter than a header' };
  const header = decodeHeader(head);
  if (header === undefined) return { kind: 'damaged', why: 'the header' };
  const why = whyStale(header, identity);
  if (why !== undefined) return { kind: 'stale', why };
  if (!fitsFile(header, sizeBytes)) return { kind: 'damaged', why: 'the sizes' };
  return readBody(handle, header);
}

/** What differs from what is asked for; undefined when nothing does. */
function whyStale(header: ImageHeader, { key, formatVersion }: ImageIdentity): string | undefined {
  if (header.layoutVersion !== LAYOUT_VERSION || header.formatVersion !== formatVersion) {
    return `version ${header.layoutVersion}.${header.formatVersion}`;
  }
  if (header.byteOrder !== BYTE_ORDER) return 'the other byte order';
  return header.key === key ? undefined : 'of other sources';
}

function fitsFile({ treeBytes, arrayBytes }: ImageHeader, sizeBytes: number): boolean {
  return (
    treeBytes <= TREE_BYTES_MAX &&
    treeBytes % ALIGNMENT_BYTES === 0 &&
    arrayBytes % ALIGNMENT_BYTES === 0 &&
    HEADER_BYTES + treeBytes + arrayBytes === sizeBytes
  );
}

async function readBody(handle: FileHandle, header: ImageHeader): Promise<ImageRead> {
  const table = Buffer.alloc(header.treeBytes);
  const memory = new SharedArrayBuffer(header.arrayBytes);
  const chunks = [...chunksOf(table), ...chunksOf(new Uint8Array(memory))];
  const hash = createHash('sha256');
  let position = HEADER_BYTES;
  let arriving = Promise.resolve(true);
  let arrivingChunk: Uint8Array = new Uint8Array(0);
  for (const chunk of [...chunks, undefined]) {
    if (!(await arriving)) return { kind: 'damaged', why: 'cut off' };
    const arrived = arrivingChunk;
    if (chunk !== undefined) {
      // This read goes on in the thread pool while this thread digests the chunk before.
      arriving = readWhole(handle, chunk, position);
      arrivingChunk = chunk;
      position += chunk.byteLength;
    }
    hash.update(arrived);
  }
  if (hash.digest('hex') !== header.bodyDigest) return { kind: 'damaged', why: 'the digest' };
  const whole = putTogether(table, memory);
  return whole === undefined ? { kind: 'damaged', why: 'the table' } : { kind: 'read', tree: whole.tree };
}

function* chunksOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.byteLength; offset += CHUNK_BYTES) {
    yield bytes.subarray(offset, offset + CHUNK_BYTES);
  }
}

/** @returns false where the file ends before the bytes do. */
async function readWhole(handle: FileHandle, bytes: Uint8Array, position: number): Promise<boolean> {
  let got = 0;
  while (got < bytes.byteLength) {
    const { bytesRead } = await handle.read(bytes, got, bytes.byteLength - got, position + got);
    if (bytesRead === 0) return false;
    got += bytesRead;
  }
  return true;
}

function noImageFor(error: unknown): NoImage {
  if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return { kind: 'absent', why: strerror(error) };
  if (isErrno(error, 'ELOOP')) return { kind: 'foreign', why: 'a symbolic link' };
  const isRefused = isErrno(error, 'EACCES') || isErrno(error, 'EPERM') || isErrno(error, 'ENXIO');
  return { kind: isRefused ? 'foreign' : 'damaged', why: strerror(error) };
}
