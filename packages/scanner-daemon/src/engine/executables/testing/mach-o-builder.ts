import { ByteWriter, layOut } from './byte-layout.js';
import type { Placement } from './byte-layout.js';

/** A section of a Mach-O file to build. */
export interface MachOSectionPlan {
  readonly fileOffset: number;
  readonly sizeBytes: number;
  readonly virtualAddress: number;
  /** As a power of two; 0 by default. */
  readonly alignmentExponent?: number;
}

/** A Mach-O file to build. */
export interface MachOPlan {
  readonly is64Bit?: boolean;
  readonly bigEndian?: boolean;
  /** `ppc` is the one whose entry point clamscan reads (observed). */
  readonly processor?: 'ppc' | 'x86' | 'x86-64';
  readonly sections: readonly MachOSectionPlan[];
  /** Makes a thread command; none by default. */
  readonly entryPoint?: number;
  readonly totalBytes?: number;
  /** Put over everything else at the end. */
  readonly place?: readonly Placement[];
}

const PROCESSORS = { ppc: 18, x86: 7, 'x86-64': 0x1000007 } as const;
/** Flavour, length in words, and which word is the program counter. */
const THREAD_STATES = { ppc: [1, 40, 0], x86: [1, 16, 10], 'x86-64': [4, 42, 32] } as const;
const SEGMENT_ADDRESS = 0x1000;

/** A small Mach-O file: header, one segment with all sections, a thread command, what is placed. */
export function buildMachO(plan: MachOPlan): Uint8Array {
  const is64Bit = plan.is64Bit === true;
  const processor = plan.processor ?? 'ppc';
  const commands = new ByteWriter(plan.bigEndian !== true);
  writeSegment(commands, plan);
  if (plan.entryPoint !== undefined) writeThread(commands, processor, plan.entryPoint);
  const header = new ByteWriter(plan.bigEndian !== true)
    .u32(is64Bit ? 0xfeedfacf : 0xfeedface, PROCESSORS[processor], 0, 2)
    .u32(plan.entryPoint === undefined ? 1 : 2, commands.lengthBytes, 0);
  if (is64Bit) header.u32(0);
  header.bytes(commands.finish());
  const end = plan.sections.reduce(
    (most, { fileOffset, sizeBytes }) => Math.max(most, fileOffset + sizeBytes),
    header.lengthBytes,
  );
  const pieces = [{ fileOffset: 0, bytes: header.finish() }, ...(plan.place ?? [])];
  return layOut(pieces, plan.totalBytes ?? end);
}

/** A fat binary of such files, each at its offset. */
export function buildFatBinary(parts: readonly Placement[]): Uint8Array {
  const header = new ByteWriter(false).u32(0xcafebabe, parts.length);
  for (const { fileOffset, bytes } of parts) header.u32(PROCESSORS.ppc, 0, fileOffset, bytes.length, 12);
  return layOut([{ fileOffset: 0, bytes: header.finish() }, ...parts]);
}

function writeSegment(writer: ByteWriter, { is64Bit = false, sections }: MachOPlan): void {
  const wordBytes = is64Bit ? 8 : 4;
  const lengthBytes = is64Bit ? 72 + 80 * sections.length : 56 + 68 * sections.length;
  writer.u32(is64Bit ? 0x19 : 1, lengthBytes).text('__TEXT', 16);
  for (const word of [SEGMENT_ADDRESS, 0x10000, 0, 0x10000]) writer.number(word, wordBytes);
  writer.u32(7, 5, sections.length, 0);
  for (const section of sections) {
    writer.text('__text', 16).text('__TEXT', 16);
    writer.number(section.virtualAddress, wordBytes).number(section.sizeBytes, wordBytes);
    writer.u32(section.fileOffset, section.alignmentExponent ?? 0, 0, 0, 0, 0, 0);
    if (is64Bit) writer.u32(0);
  }
}

function writeThread(writer: ByteWriter, processor: keyof typeof THREAD_STATES, entryPoint: number): void {
  const [flavour, wordCount, counterAt] = THREAD_STATES[processor];
  writer.u32(5, 16 + 4 * wordCount, flavour, wordCount);
  for (let word = 0; word < wordCount; word += 1) writer.u32(word === counterAt ? entryPoint : 0);
}
