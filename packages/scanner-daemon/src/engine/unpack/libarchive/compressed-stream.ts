import { crc32 } from 'node:zlib';
import type { Decode, Decoded, DecodeLimits } from '../codecs/decoded.js';
import { ArchiveReader } from './archive-reader.js';

/*
 * libarchive's package reads archives, not bare streams. So a bare stream comes with another one before it that
 * holds a tar header, which says that a file of 8 GiB follows: both formats allow streams one after the other.
 * The tar header, packed:
 */
const TAR_HEADER_BZIP2 = Buffer.from(
  'QlpoOTFBWSZTWewdCIkAAAzbgMiAQAJ1gAAA4AAeAAgAIABUQTIaBkwJSeknqNqPRGl+BDTmY5IUMiLLeHYewFIFXkp71hk33u5m' +
    '9C7kinChIdg6ERI=',
  'base64',
);
const TAR_HEADER_XZ = Buffer.from(
  '/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4AH/ACxdABaAM1AYpUU3WIWmF9FXIrfD6/2etgV5/r9VmDfwdHDbZsKLSdqPTsVfxg4A' +
    'ADhYQ34AAUSABAAAAGK7GGk+MA2LAgAAAAABWVo=',
  'base64',
);

/** bzip2: the first stream. */
export const bunzip2: Decode = (bytes, limits) =>
  decodeFirstStream(bytes, limits, { prefix: TAR_HEADER_BZIP2, findNext: findNextBzip2 });

/** xz: the first stream. */
export const unxz: Decode = (bytes, limits) => {
  const decoded = decodeFirstStream(bytes, limits, { prefix: TAR_HEADER_XZ, findNext: findNextXz });
  const isTooLarge = decoded.ending === 'damaged' && hasLargestDictionary(bytes);
  return isTooLarge ? { ...decoded, ending: 'outOfMemory' } : decoded;
};

const XZ_STREAM_HEADER_BYTES = 12;
/** LZMA2, one byte of properties: a dictionary of 4 GiB, for which liblzma does not even ask malloc here. */
const LARGEST_DICTIONARY = Buffer.from([0x21, 1, 40]);

function hasLargestDictionary(bytes: Uint8Array): boolean {
  const blockHeader = bytes.subarray(XZ_STREAM_HEADER_BYTES);
  const headerBytes = 4 * ((blockHeader[0] ?? 0) + 1);
  return Buffer.from(blockHeader.subarray(0, headerBytes)).includes(LARGEST_DICTIONARY);
}

interface StreamFormat {
  readonly prefix: Uint8Array;
  /** Where another stream seems to begin, after `from`. */
  readonly findNext: (bytes: Buffer, from: number) => number | undefined;
}

/** What looks like the next stream may be data of this one: when cutting there breaks it, it was not. */
function decodeFirstStream(bytes: Uint8Array, limits: DecodeLimits, format: StreamFormat): Decoded {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cut = format.findNext(source, 1);
  if (cut !== undefined) {
    const first = decodeStream([format.prefix, source.subarray(0, cut)], limits);
    if (first.ending !== 'damaged') return { ...first, consumedBytes: cut };
  }
  return { ...decodeStream([format.prefix, source], limits), consumedBytes: bytes.length };
}

/** A stream header and the mark of its first block. */
const BZIP2_BLOCK = Buffer.from('1AY&SY', 'latin1');
const BZIP2_HEADER_BYTES = 4;

function findNextBzip2(bytes: Buffer, from: number): number | undefined {
  for (let at = from + BZIP2_HEADER_BYTES; ; at += 1) {
    at = bytes.indexOf(BZIP2_BLOCK, at);
    if (at === -1) return undefined;
    const start = at - BZIP2_HEADER_BYTES;
    if (start >= from && bytes.toString('latin1', start, start + 3) === 'BZh') return start;
  }
}

const XZ_HEADER = Buffer.from('\xfd7zXZ\0\0', 'latin1');
const XZ_HEADER_BYTES = 12;

function findNextXz(bytes: Buffer, from: number): number | undefined {
  for (let at = from; ; at += 1) {
    at = bytes.indexOf(XZ_HEADER, at);
    if (at === -1 || at + XZ_HEADER_BYTES > bytes.length) return undefined;
    // The two bytes of flags have a checksum of their own.
    if (crc32(bytes.subarray(at + 6, at + 8)) === bytes.readUInt32LE(at + 8)) return at;
  }
}

function decodeStream(pieces: readonly Uint8Array[], limits: DecodeLimits): Decoded {
  const failed = (ending: Decoded['ending']): Decoded => ({
    bytes: new Uint8Array(0),
    consumedBytes: 0,
    ending,
  });
  const reader = ArchiveReader.open(pieces);
  if (typeof reader === 'string') return failed(reader);
  try {
    const entry = reader.nextEntry();
    if (typeof entry === 'string') return failed(entry === 'outOfMemory' ? entry : 'damaged');
    const decoded = reader.read(limits, 'byteByByte');
    const isWhole = decoded.ending === 'damaged' && reader.isTruncatedTar;
    return isWhole ? { ...decoded, ending: 'complete' } : decoded;
  } finally {
    reader.close();
  }
}

const LOCAL_HEADER_BYTES = 30;
const LOCAL_HEADER_MAGIC = 0x04034b50;
const VERSION_NEEDED = 63;
const METHOD_LZMA = 14;

/** LZMA with the header that zip puts before it (APPNOTE.TXT, 5.8.8), in a zip of its own. */
export const unlzmaInZip: Decode = (bytes, limits) => {
  const header = Buffer.alloc(LOCAL_HEADER_BYTES + 1, '-');
  header.fill(0, 0, LOCAL_HEADER_BYTES);
  header.writeUInt32LE(LOCAL_HEADER_MAGIC, 0);
  header.writeUInt16LE(VERSION_NEEDED, 4);
  header.writeUInt16LE(METHOD_LZMA, 8);
  header.writeUInt32LE(limits.expected?.crc32 ?? 0, 14);
  header.writeUInt32LE(bytes.length, 18);
  header.writeUInt32LE((limits.expected?.sizeBytes ?? 0) % 2 ** 32, 22);
  header.writeUInt16LE(1, 26);
  return { ...decodeStream([header, bytes], limits), consumedBytes: bytes.length };
};
