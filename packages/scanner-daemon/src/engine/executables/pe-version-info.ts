import type { ScanInput } from '../engine.js';
import { fieldsAt } from './input-fields.js';
import { fileOffsetOf } from './pe-headers.js';
import type { PeHeaders } from './pe-headers.js';
import { findResources } from './pe-resources.js';

const VERSION_RESOURCE_TYPE = 16;
/** ClamAV looks at so many, no more (observed). */
const RESOURCES_MAX = 16;
/** A version resource says its length in 16 bits. */
const RESOURCE_BYTES_MAX = 0xffff;
/** Each block begins with its length, the length of its value and a type; then comes its key in UTF-16. */
const BLOCK_HEADER_BYTES = 6;
const ROOT_KEY = 'VS_VERSION_INFO\0';
const FIXED_INFO_AT = 40;
const FIXED_INFO_BYTES = 52;
const FIXED_INFO_MAGIC = 0xfeef04bd;
const STRINGS_KEY = 'StringFileInfo\0';
const STRINGS_HEADER_BYTES = 36;
const VARIABLES_KEY = 'VarFileInfo\0';
/** The key of a string table has eight letters (language and code page); ClamAV does not read them (observed). */
const TABLE_HEADER_BYTES = 24;
/** Shorter strings end the table (observed). */
const STRING_BYTES_MIN = 17;

/**
 * Where the keys of the strings of the version information begin (observed): those of the first string table of each of
 * the first sixteen version resources.
 */
export function readVersionInfoOffsets(input: ScanInput, headers: PeHeaders): readonly number[] {
  const resources = findResources(input, headers, {
    type: VERSION_RESOURCE_TYPE,
    resourcesMax: RESOURCES_MAX,
  });
  return resources.flatMap(({ virtualAddress, sizeBytes }) => {
    const fileOffset = fileOffsetOf(virtualAddress, headers, input.sizeBytes);
    if (fileOffset === undefined || fileOffset + sizeBytes > input.sizeBytes) return [];
    const block = fieldsAt(input, fileOffset, Math.min(sizeBytes, RESOURCE_BYTES_MAX));
    return block === undefined ? [] : keyOffsets(block).map((keyOffset) => fileOffset + keyOffset);
  });
}

/** From the start of the resource. */
function keyOffsets(block: DataView): readonly number[] {
  const childrenAt = FIXED_INFO_AT + FIXED_INFO_BYTES;
  if (block.byteLength < childrenAt) return [];
  const rootEnd = block.getUint16(0, true);
  if (rootEnd > block.byteLength || block.getUint16(2, true) !== FIXED_INFO_BYTES) return [];
  if (!hasKey(block, 0, ROOT_KEY) || block.getUint32(FIXED_INFO_AT, true) !== FIXED_INFO_MAGIC) return [];
  let at = childrenAt;
  while (at + STRINGS_HEADER_BYTES <= rootEnd) {
    const length = block.getUint16(at, true);
    if (length === 0 || at + length > rootEnd) return [];
    if (hasKey(block, at, STRINGS_KEY)) return tableKeyOffsets(block, at + STRINGS_HEADER_BYTES, at + length);
    if (!hasKey(block, at, VARIABLES_KEY)) return [];
    at += length;
  }
  return [];
}

function tableKeyOffsets(block: DataView, tableAt: number, stringsEnd: number): readonly number[] {
  if (tableAt + TABLE_HEADER_BYTES > stringsEnd) return [];
  const tableEnd = tableAt + block.getUint16(tableAt, true);
  if (tableEnd > stringsEnd) return [];
  const offsets: number[] = [];
  let at = tableAt + TABLE_HEADER_BYTES;
  while (at + STRING_BYTES_MIN <= tableEnd) {
    const lengthBytes = block.getUint16(at, true);
    const next = at + roundUpToFour(lengthBytes);
    if (lengthBytes < STRING_BYTES_MIN || next > tableEnd) break;
    if (hasValue(block, at, next)) offsets.push(at + BLOCK_HEADER_BYTES);
    at = next;
  }
  return offsets;
}

/** Whether the key ends and leaves room for a value. */
function hasValue(block: DataView, at: number, end: number): boolean {
  for (let letterAt = at + BLOCK_HEADER_BYTES; letterAt + 2 <= end; letterAt += 2) {
    if (block.getUint16(letterAt, true) === 0) return at + roundUpToFour(letterAt + 2 - at) < end;
  }
  return false;
}

function hasKey(block: DataView, at: number, key: string): boolean {
  const keyAt = at + BLOCK_HEADER_BYTES;
  if (keyAt + 2 * key.length > block.byteLength) return false;
  return Array.from(key).every((letter, index) => {
    return block.getUint16(keyAt + 2 * index, true) === letter.charCodeAt(0);
  });
}

function roundUpToFour(length: number): number {
  return (length + 3) & ~3;
}
