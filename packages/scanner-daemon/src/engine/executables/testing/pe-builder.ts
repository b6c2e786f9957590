import { ByteWriter, layOut, roundUpTo } from './byte-layout.js';
import type { Placement } from './byte-layout.js';
import { importTable, versionResources } from './pe-tables.js';
import type { PeImport } from './pe-tables.js';

/** A section to build. What is left out follows from the sections before. */
export interface PeSectionPlan {
  readonly name?: string;
  readonly bytes: Uint8Array;
  readonly virtualAddress?: number;
  readonly virtualSizeBytes?: number;
  /** As the header says it; the bytes are placed where it points, rounded down to the file alignment. */
  readonly rawPointer?: number;
  readonly rawSizeBytes?: number;
}

/** A PE file to build. */
export interface PePlan {
  readonly is64Bit?: boolean;
  readonly sections: readonly PeSectionPlan[];
  /** A virtual address; the start of the first section by default. */
  readonly entryPoint?: number;
  readonly imports?: readonly PeImport[];
  /** Keys and values of the version information. */
  readonly versionStrings?: readonly (readonly [key: string, value: string])[];
  readonly fileAlignment?: number;
  readonly sectionAlignment?: number;
  readonly headersSizeBytes?: number;
  /** What the file header says; by default as many as there are. */
  readonly sectionCount?: number;
  readonly totalBytes?: number;
  /** Put over everything else at the end. */
  readonly place?: readonly Placement[];
}

const HEADER_OFFSET = 0x80;
const FIRST_ADDRESS = 0x1000;

interface PlacedSection {
  readonly header: Uint8Array;
  readonly placement: Placement;
  readonly virtualAddress: number;
}

/** A small valid PE file. Imports and version information get a section each, behind the others. */
export function buildPe(plan: PePlan): Uint8Array {
  const fileAlignment = plan.fileAlignment ?? 0x200;
  const optionalBytes = plan.is64Bit === true ? 240 : 224;
  const extraCount = (plan.imports === undefined ? 0 : 1) + (plan.versionStrings === undefined ? 0 : 1);
  const tableBytes = 40 * (plan.sections.length + extraCount);
  const headersEnd = roundUpTo(HEADER_OFFSET + 24 + optionalBytes + tableBytes, Math.max(1, fileAlignment));
  const cursor = { fileOffset: headersEnd, virtualAddress: FIRST_ADDRESS };
  const sections: PlacedSection[] = [];
  const add = (section: PeSectionPlan): void => {
    sections.push(placeSection(section, cursor, plan));
  };
  plan.sections.forEach(add);
  const directories = Array.from({ length: 16 }, (): [number, number] => [0, 0]);
  if (plan.imports !== undefined) {
    const bytes = importTable(plan.imports, cursor.virtualAddress, plan.is64Bit === true);
    directories[1] = [cursor.virtualAddress, bytes.length];
    add({ name: '.idata', bytes });
  }
  if (plan.versionStrings !== undefined) {
    const bytes = versionResources(plan.versionStrings, cursor.virtualAddress);
    directories[2] = [cursor.virtualAddress, bytes.length];
    add({ name: '.rsrc', bytes });
  }
  const headers = peHeaders(plan, { sections, directories, headersEnd, endAddress: cursor.virtualAddress });
  const pieces = [{ fileOffset: 0, bytes: headers }, ...sections.map(({ placement }) => placement)];
  const totalBytes = plan.totalBytes ?? cursor.fileOffset;
  return layOut([...pieces, ...(plan.place ?? [])], totalBytes);
}

function placeSection(
  section: PeSectionPlan,
  cursor: { fileOffset: number; virtualAddress: number },
  plan: PePlan,
): PlacedSection {
  const alignment = Math.max(1, plan.fileAlignment ?? 0x200);
  const rawPointer = section.rawPointer ?? cursor.fileOffset;
  const rawSizeBytes = section.rawSizeBytes ?? roundUpTo(section.bytes.length, alignment);
  const virtualAddress = section.virtualAddress ?? cursor.virtualAddress;
  const virtualSizeBytes = section.virtualSizeBytes ?? Math.max(1, section.bytes.length);
  const fileOffset = rawPointer - (rawPointer % alignment);
  const header = new ByteWriter(true)
    .text(section.name ?? '.text', 8)
    .u32(virtualSizeBytes, virtualAddress, rawSizeBytes, rawPointer, 0, 0, 0, 0xe0000020)
    .finish();
  cursor.fileOffset = Math.max(cursor.fileOffset, roundUpTo(fileOffset + section.bytes.length, alignment));
  const pages = roundUpTo(virtualAddress + Math.max(virtualSizeBytes, section.bytes.length), FIRST_ADDRESS);
  cursor.virtualAddress = Math.max(cursor.virtualAddress, pages);
  return { header, placement: { fileOffset, bytes: section.bytes }, virtualAddress };
}

function peHeaders(
  plan: PePlan,
  built: {
    readonly sections: readonly PlacedSection[];
    readonly directories: readonly (readonly [number, number])[];
    readonly headersEnd: number;
    readonly endAddress: number;
  },
): Uint8Array {
  const is64Bit = plan.is64Bit === true;
  const entryPoint = plan.entryPoint ?? built.sections[0]?.virtualAddress ?? 0;
  const wordBytes = is64Bit ? 8 : 4;
  const writer = new ByteWriter(true)
    .text('MZ', 60)
    .u32(HEADER_OFFSET)
    .text('', HEADER_OFFSET - 64);
  writer.text('PE\0\0').u16(is64Bit ? 0x8664 : 0x14c, plan.sectionCount ?? built.sections.length);
  writer.u32(0, 0, 0).u16(is64Bit ? 240 : 224, 0x102);
  writer.u16(is64Bit ? 0x20b : 0x10b, 8).u32(0x200, 0x200, 0, entryPoint, FIRST_ADDRESS);
  if (!is64Bit) writer.u32(0x2000);
  writer.number(0x400000, wordBytes).u32(plan.sectionAlignment ?? 0x1000, plan.fileAlignment ?? 0x200);
  writer
    .u16(4, 0, 0, 0, 4, 0)
    .u32(0, built.endAddress, plan.headersSizeBytes ?? built.headersEnd, 0)
    .u16(2, 0);
  for (const size of [0x100000, 0x1000, 0x100000, 0x1000]) writer.number(size, wordBytes);
  writer.u32(0, 16);
  for (const [virtualAddress, sizeBytes] of built.directories) writer.u32(virtualAddress, sizeBytes);
  for (const { header } of built.sections) writer.bytes(header);
  return writer.finish();
}
