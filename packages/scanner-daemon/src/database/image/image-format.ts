import { createHash } from 'node:crypto';
import { endianness } from 'node:os';

/** What an image belongs to. Two images of the same identity hold the same tree. */
export interface ImageIdentity {
  /** SHA-256 over everything that the tree was made from, 64 hexadecimal digits. See {@link imageKey}. */
  readonly key: string;
  /** The version of the tree's layout and meaning, 0..2^32-1: counted up with every change of either. */
  readonly formatVersion: number;
}

/** The head of an image. All numbers in it are little-endian; the arrays have the byte order of the machine. */
export interface ImageHeader extends ImageIdentity {
  /** {@link LAYOUT_VERSION} of whoever wrote it. */
  readonly layoutVersion: number;
  /** {@link BYTE_ORDER} of the machine that wrote it. */
  readonly byteOrder: number;
  /** Of the tree's table, a multiple of {@link ALIGNMENT_BYTES}. */
  readonly treeBytes: number;
  /** Of all arrays with what stands between them, likewise. */
  readonly arrayBytes: number;
  /** SHA-256 over the table and the arrays, hexadecimal. */
  readonly bodyDigest: string;
}

/** Where the table begins. */
export const HEADER_BYTES = 128;
/** Where arrays may begin: what the widest element needs. */
export const ALIGNMENT_BYTES = 8;
/** The table of the official set has a few MiB at most; JSON.parse takes what is below 512 MiB. */
export const TREE_BYTES_MAX = 128 * 1024 * 1024;
/** Eight million hash signatures with their names take about a quarter of this. */
export const IMAGE_BYTES_MAX = 2 * 1024 * 1024 * 1024 - 1;
/** The layout of header and table as these files write it. */
export const LAYOUT_VERSION = 2;
/** How this machine lays out a number in a typed array. */
export const BYTE_ORDER = endianness() === 'LE' ? 1 : 2;

const MAGIC = Buffer.from('PCLSDBI\n', 'latin1');
const HEX_DIGEST = /^[0-9a-f]{64}$/;
const AT = {
  layoutVersion: 8,
  formatVersion: 12,
  byteOrder: 16,
  treeBytes: 20,
  arrayBytes: 24,
  key: 32,
  bodyDigest: 64,
  headerDigest: 96,
} as const;

/**
 * One key of several texts, such as the digest of the sources, the program's version and the options that the
 * compiler saw: none can be taken for another one's end.
 */
export function imageKey(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Whether a key is one: 64 lower-case hexadecimal digits. */
export function isImageKey(key: string): boolean {
  return HEX_DIGEST.test(key);
}

/** @returns {@link HEADER_BYTES} bytes, the last 32 of them a SHA-256 over the others. */
export function encodeHeader(header: ImageHeader): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(header.layoutVersion, AT.layoutVersion);
  bytes.writeUInt32LE(header.formatVersion, AT.formatVersion);
  bytes.writeUInt32LE(header.byteOrder, AT.byteOrder);
  bytes.writeUInt32LE(header.treeBytes, AT.treeBytes);
  bytes.writeBigUInt64LE(BigInt(header.arrayBytes), AT.arrayBytes);
  bytes.write(header.key, AT.key, 'hex');
  bytes.write(header.bodyDigest, AT.bodyDigest, 'hex');
  headerDigest(bytes).copy(bytes, AT.headerDigest);
  return bytes;
}

/** @returns undefined for anything that {@link encodeHeader} did not write: a single changed bit is enough. */
export function decodeHeader(head: Uint8Array): ImageHeader | undefined {
  if (head.byteLength < HEADER_BYTES) return undefined;
  const bytes = Buffer.from(head.buffer, head.byteOffset, HEADER_BYTES);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  if (!headerDigest(bytes).equals(bytes.subarray(AT.headerDigest))) return undefined;
  return {
    layoutVersion: bytes.readUInt32LE(AT.layoutVersion),
    formatVersion: bytes.readUInt32LE(AT.formatVersion),
    byteOrder: bytes.readUInt32LE(AT.byteOrder),
    treeBytes: bytes.readUInt32LE(AT.treeBytes),
    // Past 2^53 it is not exact, but over the bound all the same.
    arrayBytes: Number(bytes.readBigUInt64LE(AT.arrayBytes)),
    key: bytes.toString('hex', AT.key, AT.bodyDigest),
    bodyDigest: bytes.toString('hex', AT.bodyDigest, AT.headerDigest),
  };
}

function headerDigest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes.subarray(0, AT.headerDigest)).digest();
}
