import type { ScanInput } from '../engine.js';
import { fieldsAt } from './input-fields.js';
import { fileOffsetOf, ORDINARY_SECTIONS_MAX } from './pe-headers.js';
import type { PeHeaders } from './pe-headers.js';

/** Where one resource lies. */
export interface PeResource {
  /** Relative to the image base. */
  readonly virtualAddress: number;
  readonly sizeBytes: number;
}

const DIRECTORY_BYTES = 16;
const ENTRY_BYTES = 8;
const DATA_ENTRY_BYTES = 16;
/** In an entry's first word: it has a name. In its second: it leads to a directory. */
const HIGH_BIT = 0x80000000;
/** How many entries of all directories together are looked at. */
const ENTRIES_MAX = 10_000;
/** Each entry is looked up in all sections: where there are very many of these, fewer of those are read. */
const FEW_ENTRIES = 256;

interface DirectoryEntry {
  /** It stands among the first entries, which the directory says have names. */
  readonly isNamed: boolean;
  readonly id: number;
  readonly target: number;
}

/**
 * The resources of one type, in the order of the tree: type, name, language. Three levels are read, no more, so that a
 * directory that contains itself ends.
 */
export function findResources(
  input: ScanInput,
  headers: PeHeaders,
  wanted: { readonly type: number; readonly resourcesMax: number },
): readonly PeResource[] {
  const { virtualAddress: treeAddress, sizeBytes } = headers.resourceDirectory;
  if (sizeBytes === 0) return [];
  const locate = (treeOffset: number): number | undefined =>
    fileOffsetOf((treeAddress + treeOffset) % 2 ** 32, headers, input.sizeBytes);
  let entriesLeft = headers.sections.length > ORDINARY_SECTIONS_MAX ? FEW_ENTRIES : ENTRIES_MAX;
  const entriesAt = (treeOffset: number): readonly DirectoryEntry[] => {
    const entries = readDirectory(input, locate(treeOffset), entriesLeft);
    entriesLeft -= entries.length;
    return entries;
  };
  const found: PeResource[] = [];
  const type = entriesAt(0).find((entry) => !entry.isNamed && entry.id === wanted.type);
  if (type === undefined || type.target < HIGH_BIT) return [];
  for (const name of entriesAt(type.target - HIGH_BIT)) {
    if (name.target < HIGH_BIT) continue;
    for (const language of entriesAt(name.target - HIGH_BIT)) {
      if (language.target >= HIGH_BIT) continue;
      const resource = readDataEntry(input, locate(language.target));
      if (resource !== undefined) found.push(resource);
      if (found.length === wanted.resourcesMax) return found;
    }
  }
  return found;
}

function readDirectory(
  input: ScanInput,
  fileOffset: number | undefined,
  entriesMax: number,
): readonly DirectoryEntry[] {
  const head = fileOffset === undefined ? undefined : fieldsAt(input, fileOffset, DIRECTORY_BYTES);
  if (fileOffset === undefined || head === undefined) return [];
  const namedCount = head.getUint16(12, true);
  const declared = namedCount + head.getUint16(14, true);
  const inFile = Math.floor((input.sizeBytes - fileOffset - DIRECTORY_BYTES) / ENTRY_BYTES);
  const count = Math.min(declared, inFile, entriesMax);
  const rows = fieldsAt(input, fileOffset + DIRECTORY_BYTES, count * ENTRY_BYTES);
  if (rows === undefined) return [];
  return Array.from({ length: count }, (_, index) => ({
    isNamed: index < namedCount,
    id: rows.getUint32(index * ENTRY_BYTES, true),
    target: rows.getUint32(index * ENTRY_BYTES + 4, true),
  }));
}

function readDataEntry(input: ScanInput, fileOffset: number | undefined): PeResource | undefined {
  const fields = fileOffset === undefined ? undefined : fieldsAt(input, fileOffset, DATA_ENTRY_BYTES);
  if (fields === undefined) return undefined;
  return { virtualAddress: fields.getUint32(0, true), sizeBytes: fields.getUint32(4, true) };
}
