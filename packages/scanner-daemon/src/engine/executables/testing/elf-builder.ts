import { ByteWriter, layOut } from './byte-layout.js';
import type { Placement } from './byte-layout.js';

/** A segment or section of an ELF file to build. */
export interface ElfPart {
  readonly fileOffset: number;
  readonly sizeBytes: number;
  readonly virtualAddress: number | bigint;
  /** Segments only; `sizeBytes` by default. */
  readonly memorySizeBytes?: number;
  /** `PT_LOAD` or `SHT_PROGBITS` (1) by default. */
  readonly type?: number;
}

/** An ELF file to build. */
export interface ElfPlan {
  readonly is64Bit?: boolean;
  readonly bigEndian?: boolean;
  /** `ET_EXEC` (2) by default. */
  readonly type?: number;
  readonly entryPoint: number | bigint;
  readonly segments?: readonly ElfPart[];
  /** Without the empty one that comes first in real files. */
  readonly sections?: readonly ElfPart[];
  /** Where the section table lies; behind everything by default. */
  readonly sectionTableOffset?: number;
  readonly totalBytes?: number;
  /** Put over everything else at the end. */
  readonly place?: readonly Placement[];
}

/** A small ELF file: header, program headers, what is placed, section table. */
export function buildElf(plan: ElfPlan): Uint8Array {
  const is64Bit = plan.is64Bit === true;
  const { segments = [], sections = [], place = [] } = plan;
  const headerBytes = is64Bit ? 64 : 52;
  const segmentTable = table(plan, segments, programHeader);
  const sectionTable = table(plan, sections, sectionHeader);
  const contentEnd = [...segments, ...sections].reduce(
    (end, { fileOffset, sizeBytes }) => Math.max(end, fileOffset + sizeBytes),
    headerBytes + segmentTable.length,
  );
  const sectionTableOffset = plan.sectionTableOffset ?? contentEnd;
  const wordBytes = is64Bit ? 8 : 4;
  const header = new ByteWriter(plan.bigEndian !== true)
    .text('\x7fELF')
    .bytes(Uint8Array.of(is64Bit ? 2 : 1, plan.bigEndian === true ? 2 : 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    .u16(plan.type ?? 2, is64Bit ? 62 : 3)
    .u32(1)
    .number(plan.entryPoint, wordBytes)
    .number(segments.length === 0 ? 0 : headerBytes, wordBytes)
    .number(sections.length === 0 ? 0 : sectionTableOffset, wordBytes)
    .u32(0)
    .u16(headerBytes, is64Bit ? 56 : 32, segments.length, is64Bit ? 64 : 40, sections.length, 0);
  const pieces = [
    { fileOffset: 0, bytes: header.finish() },
    { fileOffset: headerBytes, bytes: segmentTable },
    { fileOffset: sectionTableOffset, bytes: sectionTable },
  ];
  const end = Math.max(contentEnd, sections.length === 0 ? 0 : sectionTableOffset + sectionTable.length);
  return layOut([...pieces, ...place], plan.totalBytes ?? end);
}

function table(
  plan: ElfPlan,
  parts: readonly ElfPart[],
  write: (writer: ByteWriter, part: ElfPart, is64Bit: boolean) => void,
): Uint8Array {
  const writer = new ByteWriter(plan.bigEndian !== true);
  for (const part of parts) write(writer, part, plan.is64Bit === true);
  return writer.finish();
}

function programHeader(writer: ByteWriter, part: ElfPart, is64Bit: boolean): void {
  const wordBytes = is64Bit ? 8 : 4;
  writer.u32(part.type ?? 1);
  if (is64Bit) writer.u32(5);
  const { fileOffset, virtualAddress, sizeBytes } = part;
  const words = [fileOffset, virtualAddress, virtualAddress, sizeBytes, part.memorySizeBytes ?? sizeBytes];
  for (const word of words) writer.number(word, wordBytes);
  if (!is64Bit) writer.u32(5);
  writer.number(0x1000, wordBytes);
}

function sectionHeader(writer: ByteWriter, part: ElfPart, is64Bit: boolean): void {
  const wordBytes = is64Bit ? 8 : 4;
  writer.u32(1, part.type ?? 1);
  for (const word of [6, part.virtualAddress, part.fileOffset, part.sizeBytes])
    writer.number(word, wordBytes);
  writer.u32(0, 0).number(4, wordBytes).number(0, wordBytes);
}
