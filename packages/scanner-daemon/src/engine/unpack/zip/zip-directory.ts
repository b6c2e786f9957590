import type { ScanInput } from '../../engine.js';
import { readStructure } from '../input-range.js';

export const LOCAL_HEADER_SIGNATURE = Buffer.from('PK\u0003\u0004', 'latin1');
const CENTRAL_HEADER_SIGNATURE = 0x02014b50;
const LOCAL_HEADER_MAGIC = 0x04034b50;
const END_SIGNATURE = Buffer.from('PK\u0005\u0006', 'latin1');
const END64_SIGNATURE = 0x06064b50;
const END64_LOCATOR_SIGNATURE = 0x07064b50;
const END_BYTES = 22;
const END64_LOCATOR_BYTES = 20;
const END64_BYTES = 56;
const CENTRAL_HEADER_BYTES = 46;
const LOCAL_HEADER_BYTES = 30;
/** The comment behind the end record, which has 16 bits for its length, and the record itself. */
const END_SEARCH_BYTES = 65535 + END_BYTES;
const ZIP64_EXTRA_ID = 1;
const UINT32_MAX = 0xffffffff;

export const FLAG_ENCRYPTED = 0x0001;
export const FLAG_SIZES_FOLLOW = 0x0008;

/** What a local or a central header says of an entry (APPNOTE.TXT, 4.3.7 and 4.3.12). */
export interface ZipHeader {
  readonly flags: number;
  /** APPNOTE.TXT, 4.4.5. */
  readonly method: number;
  /** Sizes and checksum are 0 in a local header where {@link FLAG_SIZES_FOLLOW} says so. */
  readonly compressedSizeBytes: number;
  /** Unpacked. */
  readonly sizeBytes: number;
  /** Of what is unpacked. */
  readonly crc32: number;
  /** As it stands there; up to 65,535 bytes. */
  readonly name: Uint8Array;
  /** Behind the header: of a local one the offset of the data, of a central one that of the next header. */
  readonly end: number;
}

/** A central header and where it says the local one is. */
export interface CentralHeader extends ZipHeader {
  /** From where the archive begins: see {@link ZipDirectory.shiftBytes}. */
  readonly localOffset: number;
}

/** Where the central directory lies. */
export interface ZipDirectory {
  /** From the start of the input. */
  readonly offset: number;
  /** What stands before the archive, so that all its offsets are too small by that much. */
  readonly shiftBytes: number;
}

/** Finds the central directory by the end record; undefined where there is none that points to one. */
export function findDirectory(input: ScanInput): ZipDirectory | undefined {
  const tailOffset = Math.max(0, input.sizeBytes - END_SEARCH_BYTES);
  const tail = readStructure(input, tailOffset, input.sizeBytes - tailOffset);
  if (tail === undefined) return undefined;
  for (let at = tail.length; at > 0;) {
    at = tail.lastIndexOf(END_SIGNATURE, at - 1);
    if (at === -1) return undefined;
    if (at + END_BYTES > tail.length) continue;
    const endOffset = tailOffset + at;
    const record = readEnd64(input, endOffset) ?? {
      sizeBytes: tail.readUInt32LE(at + 12),
      offset: tail.readUInt32LE(at + 16),
      end: endOffset,
    };
    const shiftBytes = record.end - record.sizeBytes - record.offset;
    if (record.sizeBytes === 0) return { offset: record.end, shiftBytes: 0 };
    for (const shift of [shiftBytes, 0])
      if (readCentralHeader(input, record.offset + shift) !== undefined)
        return { offset: record.offset + shift, shiftBytes: shift };
  }
  return undefined;
}

interface EndRecord {
  readonly sizeBytes: number;
  readonly offset: number;
  /** Where the directory ends. */
  readonly end: number;
}

function readEnd64(input: ScanInput, endOffset: number): EndRecord | undefined {
  const locator = readStructure(input, endOffset - END64_LOCATOR_BYTES, END64_LOCATOR_BYTES);
  if (locator?.readUInt32LE(0) !== END64_LOCATOR_SIGNATURE) return undefined;
  // The record lies right before its locator, unless it has an extensible part, which nothing writes.
  const recordOffset = endOffset - END64_LOCATOR_BYTES - END64_BYTES;
  const record = readStructure(input, recordOffset, END64_BYTES);
  if (record?.readUInt32LE(0) !== END64_SIGNATURE) return undefined;
  return { sizeBytes: uint64(record, 40), offset: uint64(record, 48), end: recordOffset };
}

/** The central header at `offset`, or undefined where none is. */
export function readCentralHeader(input: ScanInput, offset: number): CentralHeader | undefined {
  const fixed = readStructure(input, offset, CENTRAL_HEADER_BYTES);
  if (fixed?.readUInt32LE(0) !== CENTRAL_HEADER_SIGNATURE) return undefined;
  const nameBytes = fixed.readUInt16LE(28);
  const extraBytes = fixed.readUInt16LE(30);
  const variableOffset = offset + CENTRAL_HEADER_BYTES;
  const variable = readStructure(input, variableOffset, nameBytes + extraBytes) ?? Buffer.alloc(0);
  const wide = widen(variable.subarray(nameBytes), [
    fixed.readUInt32LE(24),
    fixed.readUInt32LE(20),
    fixed.readUInt32LE(42),
  ]);
  return {
    flags: fixed.readUInt16LE(8),
    method: fixed.readUInt16LE(10),
    crc32: fixed.readUInt32LE(16),
    sizeBytes: wide[0],
    compressedSizeBytes: wide[1],
    localOffset: wide[2],
    name: variable.subarray(0, nameBytes),
    end: variableOffset + nameBytes + extraBytes + fixed.readUInt16LE(32),
  };
}

/** The local header at `offset`, or undefined where none is. */
export function readLocalHeader(input: ScanInput, offset: number): ZipHeader | undefined {
  const fixed = readStructure(input, offset, LOCAL_HEADER_BYTES);
  if (fixed?.readUInt32LE(0) !== LOCAL_HEADER_MAGIC) return undefined;
  const nameBytes = fixed.readUInt16LE(26);
  const extraBytes = fixed.readUInt16LE(28);
  const variable = readStructure(input, offset + LOCAL_HEADER_BYTES, nameBytes + extraBytes);
  if (variable === undefined) return undefined;
  const wide = widen(variable.subarray(nameBytes), [fixed.readUInt32LE(22), fixed.readUInt32LE(18), 0]);
  return {
    flags: fixed.readUInt16LE(6),
    method: fixed.readUInt16LE(8),
    crc32: fixed.readUInt32LE(14),
    sizeBytes: wide[0],
    compressedSizeBytes: wide[1],
    name: variable.subarray(0, nameBytes),
    end: offset + LOCAL_HEADER_BYTES + nameBytes + extraBytes,
  };
}

type Fields = readonly [sizeBytes: number, compressedSizeBytes: number, localOffset: number];

/** Replaces what did not fit into 32 bits by what the ZIP64 field has, in its order (APPNOTE.TXT, 4.5.3). */
function widen(extra: Buffer, fields: Fields): Fields {
  const wide = zip64FieldOf(extra);
  if (wide === undefined) return fields;
  let at = 0;
  const widened = fields.map((value) => {
    if (value !== UINT32_MAX || at + 8 > wide.length) return value;
    at += 8;
    return uint64(wide, at - 8);
  });
  return [widened[0] ?? 0, widened[1] ?? 0, widened[2] ?? 0];
}

function zip64FieldOf(extra: Buffer): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length;) {
    const lengthBytes = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === ZIP64_EXTRA_ID) return extra.subarray(at + 4, at + 4 + lengthBytes);
    at += 4 + lengthBytes;
  }
  return undefined;
}

/** Beyond 2^53 it is no offset of any file: precise enough. */
function uint64(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64LE(offset));
}
