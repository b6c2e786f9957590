import type { ScanInput } from '../engine.js';
import type { ExecutableSection } from './executable-layout.js';
import { fieldsAt } from './input-fields.js';

/** One row of the section table of a PE file. */
export interface PeSection extends ExecutableSection {
  /** Relative to the image base; rounded down to the section alignment. */
  readonly virtualAddress: number;
}

/** One row of the data directory. */
export interface PeDirectory {
  /** Relative to the image base; 0 where there is none. */
  readonly virtualAddress: number;
  readonly sizeBytes: number;
}

/** The headers of a PE file. */
export interface PeHeaders {
  /** PE32+. */
  readonly is64Bit: boolean;
  /** From the start of the file. */
  readonly entryPointOffset: number;
  /** In header order, 65,535 at most. */
  readonly sections: readonly PeSection[];
  /** Up to here, a virtual address is a file offset: `SizeOfHeaders` rounded up to the section alignment. */
  readonly headersSizeBytes: number;
  readonly importDirectory: PeDirectory;
  readonly resourceDirectory: PeDirectory;
}

const DOS_HEADER_BYTES = 64;
const FILE_HEADER_BYTES = 24;
const SECTION_HEADER_BYTES = 40;
/** How many section headers are read at a time. */
const SECTIONS_PER_READ = 100;
/** What ClamAV's rounding falls back to (observed). */
const USUAL_FILE_ALIGNMENT = 0x200;
const PE_SIGNATURE = 0x4550;
const PE32_PLUS_MAGIC = 0x20b;
/** The optional header with all sixteen directories: a shorter one is not taken, whatever it says of their number (observed). */
const OPTIONAL_HEADER_BYTES = { pe32: 224, pe32Plus: 240 } as const;
/** Sizes and addresses from here on are refused (observed). */
const NEGATIVE = 0x80000000;

interface FileHeader {
  readonly optionalHeaderOffset: number;
  readonly sectionCount: number;
  readonly optionalHeaderBytes: number;
}

interface OptionalHeader {
  readonly is64Bit: boolean;
  readonly entryPointAddress: number;
  readonly sectionAlignment: number;
  readonly fileAlignment: number;
  readonly headersBytes: number;
  readonly importDirectory: PeDirectory;
  readonly resourceDirectory: PeDirectory;
}

interface SectionHeader {
  readonly virtualSize: number;
  readonly virtualAddress: number;
  readonly rawSize: number;
  readonly rawPointer: number;
}

/** Reads the headers of a PE file; undefined where clamscan would take it for broken (and no offset into it would match). */
export function readPeHeaders(input: ScanInput): PeHeaders | undefined {
  const fileHeader = readFileHeader(input);
  if (fileHeader === undefined) return undefined;
  const optional = readOptionalHeader(input, fileHeader);
  if (optional === undefined) return undefined;
  const rows = readSectionHeaders(input, fileHeader);
  if (rows === undefined) return undefined;
  const fileAlignment = effectiveFileAlignment(optional.fileAlignment, rows);
  const sections: PeSection[] = [];
  for (const row of rows) {
    const section = placeSection(row, { ...optional, fileAlignment }, input.sizeBytes);
    if (section === undefined) return undefined;
    sections.push(section);
  }
  const { is64Bit, importDirectory, resourceDirectory } = optional;
  const headersSizeBytes = roundUp(optional.headersBytes, optional.sectionAlignment);
  const space = { sections, headersSizeBytes };
  const entryPointOffset = fileOffsetOf(optional.entryPointAddress, space, input.sizeBytes);
  if (entryPointOffset === undefined) return undefined;
  return { is64Bit, entryPointOffset, importDirectory, resourceDirectory, ...space };
}

/** More sections than any linker makes: looking an address up in them costs. */
export const ORDINARY_SECTIONS_MAX = 96;

/**
 * Where in the file the byte at a virtual address lies. Headers come first, then the last section that has it;
 * undefined where nothing has it (observed: the size in the file counts, the virtual size does not).
 */
export function fileOffsetOf(
  virtualAddress: number,
  space: Pick<PeHeaders, 'sections' | 'headersSizeBytes'>,
  inputSizeBytes: number,
): number | undefined {
  if (virtualAddress < space.headersSizeBytes) {
    return virtualAddress < inputSizeBytes ? virtualAddress : undefined;
  }
  const section = space.sections.findLast(
    (candidate) =>
      virtualAddress >= candidate.virtualAddress &&
      virtualAddress - candidate.virtualAddress < candidate.sizeBytes,
  );
  if (section === undefined) return undefined;
  return section.fileOffset + virtualAddress - section.virtualAddress;
}

function readFileHeader(input: ScanInput): FileHeader | undefined {
  const headerOffset = fieldsAt(input, 0, DOS_HEADER_BYTES)?.getUint32(60, true);
  if (headerOffset === undefined) return undefined;
  const fields = fieldsAt(input, headerOffset, FILE_HEADER_BYTES);
  if (fields?.getUint32(0, true) !== PE_SIGNATURE) return undefined;
  const sectionCount = fields.getUint16(6, true);
  if (sectionCount === 0) return undefined;
  return {
    optionalHeaderOffset: headerOffset + FILE_HEADER_BYTES,
    sectionCount,
    optionalHeaderBytes: fields.getUint16(20, true),
  };
}

function readOptionalHeader(input: ScanInput, fileHeader: FileHeader): OptionalHeader | undefined {
  const { optionalHeaderOffset, optionalHeaderBytes } = fileHeader;
  if (optionalHeaderBytes < OPTIONAL_HEADER_BYTES.pe32) return undefined;
  const magic = fieldsAt(input, optionalHeaderOffset, 2)?.getUint16(0, true);
  // Whatever is not PE32+ is read as PE32 (observed).
  const is64Bit = magic === PE32_PLUS_MAGIC;
  const neededBytes = is64Bit ? OPTIONAL_HEADER_BYTES.pe32Plus : OPTIONAL_HEADER_BYTES.pe32;
  if (optionalHeaderBytes < neededBytes) return undefined;
  const fields = fieldsAt(input, optionalHeaderOffset, neededBytes);
  if (fields === undefined) return undefined;
  const directoryCount = fields.getUint32((is64Bit ? 112 : 96) - 4, true);
  const directory = (index: number): PeDirectory => {
    if (index >= directoryCount) return { virtualAddress: 0, sizeBytes: 0 };
    const at = (is64Bit ? 112 : 96) + 8 * index;
    return { virtualAddress: fields.getUint32(at, true), sizeBytes: fields.getUint32(at + 4, true) };
  };
  return {
    is64Bit,
    entryPointAddress: fields.getUint32(16, true),
    sectionAlignment: fields.getUint32(32, true),
    fileAlignment: fields.getUint32(36, true),
    headersBytes: fields.getUint32(60, true),
    importDirectory: directory(1),
    resourceDirectory: directory(2),
  };
}

function readSectionHeaders(input: ScanInput, fileHeader: FileHeader): readonly SectionHeader[] | undefined {
  const { optionalHeaderOffset, optionalHeaderBytes, sectionCount } = fileHeader;
  const tableOffset = optionalHeaderOffset + optionalHeaderBytes;
  if (tableOffset + sectionCount * SECTION_HEADER_BYTES > input.sizeBytes) return undefined;
  const rows: SectionHeader[] = [];
  while (rows.length < sectionCount) {
    const batch = Math.min(SECTIONS_PER_READ, sectionCount - rows.length);
    const fields = fieldsAt(
      input,
      tableOffset + rows.length * SECTION_HEADER_BYTES,
      batch * SECTION_HEADER_BYTES,
    );
    if (fields === undefined) return undefined;
    for (let at = 0; at < batch * SECTION_HEADER_BYTES; at += SECTION_HEADER_BYTES) {
      rows.push({
        virtualSize: fields.getUint32(at + 8, true),
        virtualAddress: fields.getUint32(at + 12, true),
        rawSize: fields.getUint32(at + 16, true),
        rawPointer: fields.getUint32(at + 20, true),
      });
    }
  }
  return rows;
}

/** The alignment that the headers say, unless a section with bytes shows that the usual one was meant (observed). */
function effectiveFileAlignment(declared: number, rows: readonly SectionHeader[]): number {
  if (declared === 0) return 0;
  const isMisplaced = rows.some(
    ({ rawSize, rawPointer }) =>
      rawSize !== 0 && rawPointer % declared !== 0 && rawPointer % USUAL_FILE_ALIGNMENT === 0,
  );
  return isMisplaced ? USUAL_FILE_ALIGNMENT : declared;
}

function placeSection(
  row: SectionHeader,
  alignment: { readonly sectionAlignment: number; readonly fileAlignment: number },
  inputSizeBytes: number,
): PeSection | undefined {
  if (row.virtualSize >= NEGATIVE || row.virtualAddress >= NEGATIVE) return undefined;
  const fileOffset = roundDown(row.rawPointer, alignment.fileAlignment);
  const roundedSize = roundUp(row.rawSize, alignment.fileAlignment);
  // Rounding went past 32 bits.
  if (row.rawSize !== 0 && roundedSize === 0) return undefined;
  return {
    virtualAddress: roundDown(row.virtualAddress, alignment.sectionAlignment),
    fileOffset,
    sizeBytes: Math.max(0, Math.min(roundedSize, inputSizeBytes - fileOffset)),
  };
}

function roundDown(value: number, alignment: number): number {
  return alignment === 0 ? value : value - (value % alignment);
}

/** In 32 bits, as ClamAV does it: may wrap around to a small number (observed). */
function roundUp(value: number, alignment: number): number {
  if (alignment === 0 || value % alignment === 0) return value;
  return (value - (value % alignment) + alignment) % 2 ** 32;
}
