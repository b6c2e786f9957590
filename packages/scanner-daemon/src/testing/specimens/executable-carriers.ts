import { bytesInput } from '../../engine/engine.js';
import type { ExecutableFormat, ExecutableLayout } from '../../engine/executables/executable-layout.js';
import { readExecutable } from '../../engine/executables/read-executable.js';
import { buildElf } from '../../engine/executables/testing/elf-builder.js';
import { buildMachO } from '../../engine/executables/testing/mach-o-builder.js';
import { buildPe } from '../../engine/executables/testing/pe-builder.js';

/** What an executable must have room for. */
export interface ExecutablePlan {
  /** At least one. */
  readonly sectionSizesBytes: readonly number[];
  /** How far into the first section the entry point lies. */
  readonly entryPointBytes: number;
  /** Version information, PE only. */
  readonly versionStrings: readonly (readonly [key: string, value: string])[];
  /** How much further than usual the headers of a PE file lie behind its beginning. */
  readonly headersMovedBytes: number;
}

/** An executable with empty sections. */
export interface ExecutableCarrier {
  readonly bytes: Uint8Array;
  readonly layout: ExecutableLayout;
  /** Where in `bytes` the headers lie. */
  readonly headers: readonly (readonly [from: number, to: number])[];
}

const FORMATS: ReadonlyMap<number, ExecutableFormat> = new Map([
  [1, 'pe'],
  [6, 'elf'],
  [9, 'machO'],
]);
const SECTION_ALIGNMENT = 0x200;
const PAGE = 0x1000;
/** Where the first section of an ELF or Mach-O file begins: behind the headers of any plan. */
const CONTENT_START = 0x2000;
const PE_ADDRESS = 0x80;
const PE_HEADERS_BYTES = 24 + 224;
const SECTION_HEADER_BYTES = 40;

/** The executable format of a ClamAV target type. */
export function formatOfTarget(target: number): ExecutableFormat | undefined {
  return FORMATS.get(target);
}

/** Undefined where our own reader does not take what was built. */
export function buildExecutable(
  format: ExecutableFormat,
  plan: ExecutablePlan,
): ExecutableCarrier | undefined {
  const built = format === 'pe' ? peOf(plan) : format === 'elf' ? elfOf(plan) : machOOf(plan);
  const layout = readExecutable(bytesInput(built.bytes), format);
  return layout === undefined ? undefined : { ...built, layout };
}

type Built = Omit<ExecutableCarrier, 'layout'>;

function peOf(plan: ExecutablePlan): Built {
  const { sectionSizesBytes, entryPointBytes, versionStrings, headersMovedBytes } = plan;
  const built = buildPe({
    sections: sectionSizesBytes.map((sizeBytes, index) => ({
      name: `.s${index}`,
      bytes: new Uint8Array(roundUp(sizeBytes, SECTION_ALIGNMENT)),
    })),
    entryPoint: PAGE + entryPointBytes,
    ...(versionStrings.length === 0 ? {} : { versionStrings }),
  });
  const sectionCount = sectionSizesBytes.length + (versionStrings.length === 0 ? 0 : 1);
  const bytes = withHeadersMoved(built, sectionCount, headersMovedBytes);
  const headersAt = PE_ADDRESS + headersMovedBytes;
  const headers: [number, number][] = [
    [0, 2],
    [0x3c, 0x40],
    [headersAt, headersAt + PE_HEADERS_BYTES + SECTION_HEADER_BYTES * sectionCount],
  ];
  if (versionStrings.length > 0) {
    const contentBytes = sectionSizesBytes.reduce((sum, size) => sum + roundUp(size, SECTION_ALIGNMENT), 0);
    const headersEnd = roundUp(
      headersAt + PE_HEADERS_BYTES + SECTION_HEADER_BYTES * sectionCount,
      SECTION_ALIGNMENT,
    );
    headers.push([headersEnd + contentBytes, bytes.length]);
  }
  return { bytes, headers };
}

/** Puts room before the PE header, and says so wherever the file points behind it. */
function withHeadersMoved(bytes: Uint8Array, sectionCount: number, movedBytes: number): Uint8Array {
  if (movedBytes === 0) return bytes;
  const moved = Buffer.concat([
    bytes.subarray(0, PE_ADDRESS),
    Buffer.alloc(movedBytes),
    bytes.subarray(PE_ADDRESS),
  ]);
  const headersAt = PE_ADDRESS + movedBytes;
  const add = (at: number): void => {
    moved.writeUInt32LE(moved.readUInt32LE(at) + movedBytes, at);
  };
  moved.writeUInt32LE(headersAt, 0x3c);
  add(headersAt + 24 + 60);
  for (let index = 0; index < sectionCount; index += 1)
    add(headersAt + PE_HEADERS_BYTES + SECTION_HEADER_BYTES * index + 20);
  return moved;
}

/** Sections one behind the other, each on pages of its own. */
function spread(sizesBytes: readonly number[], baseAddress: number) {
  let fileOffset = CONTENT_START;
  return sizesBytes.map((size) => {
    const sizeBytes = roundUp(size, SECTION_ALIGNMENT);
    const part = { fileOffset, sizeBytes, virtualAddress: baseAddress + fileOffset };
    fileOffset += sizeBytes;
    return part;
  });
}

function elfOf({ sectionSizesBytes, entryPointBytes }: ExecutablePlan): Built {
  const base = 0x8048000;
  const sections = spread(sectionSizesBytes, base);
  const end = sections.reduce((most, part) => Math.max(most, part.fileOffset + part.sizeBytes), 0);
  const bytes = buildElf({
    entryPoint: base + CONTENT_START + entryPointBytes,
    segments: [{ fileOffset: 0, sizeBytes: end, virtualAddress: base }],
    sections,
  });
  return {
    bytes,
    headers: [
      [0, 52 + 32],
      [end, bytes.length],
    ],
  };
}

function machOOf({ sectionSizesBytes, entryPointBytes }: ExecutablePlan): Built {
  const base = 0x1000;
  const bytes = buildMachO({
    bigEndian: true,
    sections: spread(sectionSizesBytes, base),
    entryPoint: base + CONTENT_START + entryPointBytes,
  });
  const headersEnd = 28 + 56 + 68 * sectionSizesBytes.length + 16 + 160;
  return { bytes, headers: [[0, headersEnd]] };
}

function roundUp(value: number, alignment: number): number {
  return Math.ceil(Math.max(1, value) / alignment) * alignment;
}
