import type { ScanInput } from '../engine.js';
import type { ExecutableLayout, ExecutableSection } from './executable-layout.js';
import { fieldsAt } from './input-fields.js';

const IDENT_BYTES = 16;
const CLASS_32 = 1;
const CLASS_64 = 2;
const DATA_LITTLE_ENDIAN = 1;
/** More of them make a file broken to clamscan (observed: 128 is read, 129 is not; 256 and 257). */
const PROGRAM_HEADERS_MAX = 128;
const SECTION_HEADERS_MAX = 256;

/** How the two classes differ. Offsets are within the header, its length in bytes. */
interface ElfClass {
  readonly is64Bit: boolean;
  readonly headerBytes: number;
  readonly programHeaderBytes: number;
  readonly sectionHeaderBytes: number;
}

const CLASSES: Readonly<Record<number, ElfClass>> = {
  [CLASS_32]: { is64Bit: false, headerBytes: 52, programHeaderBytes: 32, sectionHeaderBytes: 40 },
  [CLASS_64]: { is64Bit: true, headerBytes: 64, programHeaderBytes: 56, sectionHeaderBytes: 64 },
};

interface ElfHeader {
  readonly elfClass: ElfClass;
  readonly littleEndian: boolean;
  readonly entryPoint: bigint;
  readonly programHeadersOffset: number;
  readonly programHeaderBytes: number;
  readonly programHeaderCount: number;
  readonly sectionHeadersOffset: number;
  readonly sectionHeaderBytes: number;
  readonly sectionHeaderCount: number;
}

/**
 * Reads an ELF file of either class and byte order; undefined where clamscan would not take its headers.
 * Sections are those of the section table, including the first, empty one; a file without that table has none.
 */
export function readElf(input: ScanInput): ExecutableLayout | undefined {
  const header = readHeader(input);
  if (header === undefined) return undefined;
  const entryPointOffset = readEntryPointOffset(input, header);
  if (entryPointOffset === undefined) return undefined;
  const sections = readSections(input, header);
  if (sections === undefined) return undefined;
  return { entryPointOffset, sections, versionInfoOffsets: [], peHeaders: undefined };
}

function readHeader(input: ScanInput): ElfHeader | undefined {
  const ident = fieldsAt(input, 0, IDENT_BYTES);
  const elfClass = ident === undefined ? undefined : CLASSES[ident.getUint8(4)];
  if (ident === undefined || elfClass === undefined) return undefined;
  // Whatever is not little-endian is read as big-endian (observed).
  const littleEndian = ident.getUint8(5) === DATA_LITTLE_ENDIAN;
  const fields = fieldsAt(input, 0, elfClass.headerBytes);
  if (fields === undefined) return undefined;
  const { is64Bit } = elfClass;
  const address = (at32: number, at64: number): bigint =>
    is64Bit ? fields.getBigUint64(at64, littleEndian) : BigInt(fields.getUint32(at32, littleEndian));
  const countsAt = is64Bit ? 54 : 42;
  const count = (index: number): number => fields.getUint16(countsAt + 2 * index, littleEndian);
  return {
    elfClass,
    littleEndian,
    entryPoint: address(24, 24),
    programHeadersOffset: Number(address(28, 32)),
    sectionHeadersOffset: Number(address(32, 40)),
    programHeaderBytes: count(0),
    programHeaderCount: count(1),
    sectionHeaderBytes: count(2),
    sectionHeaderCount: count(3),
  };
}

/** The offset that the first segment holding the entry point gives it, whatever the segment's type; 0 where nothing is asked. */
function readEntryPointOffset(input: ScanInput, header: ElfHeader): number | undefined {
  const { elfClass, programHeaderCount, entryPoint } = header;
  if (programHeaderCount === 0) return 0;
  if (programHeaderCount > PROGRAM_HEADERS_MAX) return undefined;
  if (header.programHeaderBytes !== elfClass.programHeaderBytes) return undefined;
  const tableBytes = programHeaderCount * elfClass.programHeaderBytes;
  const table = fieldsAt(input, header.programHeadersOffset, tableBytes);
  if (table === undefined) return undefined;
  if (entryPoint === 0n) return 0;
  const [offsetAt, addressAt, memorySizeAt] = elfClass.is64Bit ? [8, 16, 40] : [4, 8, 20];
  for (let row = 0; row < tableBytes; row += elfClass.programHeaderBytes) {
    const virtualAddress = readWord(table, row + addressAt, header);
    // An end past the width of an address wraps around to a small number (observed).
    const width = elfClass.is64Bit ? 64 : 32;
    const end = BigInt.asUintN(width, virtualAddress + readWord(table, row + memorySizeAt, header));
    if (virtualAddress > entryPoint || end <= entryPoint) continue;
    return Number(BigInt.asUintN(32, entryPoint - virtualAddress + readWord(table, row + offsetAt, header)));
  }
  return undefined;
}

function readSections(input: ScanInput, header: ElfHeader): readonly ExecutableSection[] | undefined {
  const { elfClass, sectionHeaderCount } = header;
  if (sectionHeaderCount === 0) return [];
  if (sectionHeaderCount > SECTION_HEADERS_MAX) return undefined;
  if (header.sectionHeaderBytes !== elfClass.sectionHeaderBytes) return undefined;
  const tableBytes = sectionHeaderCount * elfClass.sectionHeaderBytes;
  const table = fieldsAt(input, header.sectionHeadersOffset, tableBytes);
  if (table === undefined) return undefined;
  const [offsetAt, sizeAt] = elfClass.is64Bit ? [24, 32] : [16, 20];
  return Array.from({ length: sectionHeaderCount }, (_, index) => {
    const row = index * elfClass.sectionHeaderBytes;
    return {
      // Only 32 bits of either are looked at (observed).
      fileOffset: Number(BigInt.asUintN(32, readWord(table, row + offsetAt, header))),
      sizeBytes: Number(BigInt.asUintN(32, readWord(table, row + sizeAt, header))),
    };
  });
}

function readWord(
  fields: DataView,
  at: number,
  header: Pick<ElfHeader, 'elfClass' | 'littleEndian'>,
): bigint {
  if (header.elfClass.is64Bit) return fields.getBigUint64(at, header.littleEndian);
  return BigInt(fields.getUint32(at, header.littleEndian));
}
