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

function peOf({ sectionSizesBytes, entryPointBytes, versionStrings }: ExecutablePlan): Built {
  const bytes = buildPe({
    sections: sectionSizesBytes.map((sizeBytes, index) => ({
      name: `.s${index}`,
      bytes: new Uint8Array(roundUp(sizeBytes, SECTION_ALIGNMENT)),
    })),
    entryPoint: PAGE + entryPointBytes,
    ...(versionStrings.length === 0 ? {} : { versionStrings }),
  });
  const sectionCount = sectionSizesBytes.length + (versionStrings.length === 0 ? 0 : 1);
  const headers: [number, number][] = [
    [0, 2],
    [0x3c, 0x40],
    [PE_ADDRESS, PE_ADDRESS + 24 + 224 + 40 * sectionCount],
  ];
  if (versionStrings.length > 0) {
    const contentBytes = sectionSizesBytes.reduce((sum, size) => sum + roundUp(size, SECTION_ALIGNMENT), 0);
    const headersEnd = roundUp(PE_ADDRESS + 24 + 224 + 40 * sectionCount, SECTION_ALIGNMENT);
    headers.push([headersEnd + contentBytes, bytes.length]);
  }
  return { bytes, headers };
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
