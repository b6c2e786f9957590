import { describe, expect, test } from '@jest/globals';
import { bytesInput } from '../engine.js';
import { readExecutable } from './read-executable.js';
import { buildElf } from './testing/elf-builder.js';
import type { ElfPlan } from './testing/elf-builder.js';

const SEGMENT = { fileOffset: 0, virtualAddress: 0x8048000, sizeBytes: 0x1000 };
const SECTIONS = [
  { fileOffset: 0, virtualAddress: 0, sizeBytes: 0, type: 0 },
  { fileOffset: 0x200, virtualAddress: 0x8048200, sizeBytes: 0x80 },
  { fileOffset: 0x300, virtualAddress: 0x8049300, sizeBytes: 0x123 },
];
const PLACES = [
  [0, 0],
  [0x200, 0x80],
  [0x300, 0x123],
];
const STANDARD: ElfPlan = { entryPoint: 0x8048210, segments: [SEGMENT], sections: SECTIONS };

function layoutOf(file: Uint8Array): object | undefined {
  const layout = readExecutable(bytesInput(file), 'elf');
  if (layout === undefined) return undefined;
  const sections = layout.sections.map(({ fileOffset, sizeBytes }) => [fileOffset, sizeBytes]);
  return { entryPoint: layout.entryPointOffset, sections };
}

function patched(plan: ElfPlan, fileOffset: number, ...bytes: readonly number[]): Uint8Array {
  return buildElf({ ...plan, place: [{ fileOffset, bytes: Uint8Array.from(bytes) }] });
}

/** All observed with clamscan 1.4.6. */
describe('readExecutable of ELF files', () => {
  test.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('reads both classes and byte orders (64 bits: %s, big-endian: %s)', (is64Bit, bigEndian) => {
    expect(layoutOf(buildElf({ ...STANDARD, is64Bit, bigEndian }))).toEqual({
      entryPoint: 0x210,
      sections: PLACES,
    });
  });

  test.each<[string, ElfPlan, number]>([
    ['is 0 without segments', { ...STANDARD, segments: [] }, 0],
    [
      'is 0 where the header has none',
      { ...STANDARD, entryPoint: 0, segments: [{ ...SEGMENT, fileOffset: 0x100, virtualAddress: 0 }] },
      0,
    ],
    [
      'is found by the size in memory',
      {
        ...STANDARD,
        entryPoint: 0x8048810,
        segments: [{ ...SEGMENT, sizeBytes: 0x200, memorySizeBytes: 0x900 }],
      },
      0x810,
    ],
    ['is found in a segment of any type', { ...STANDARD, segments: [{ ...SEGMENT, type: 6 }] }, 0x210],
    [
      'is found in the first of two segments',
      { ...STANDARD, segments: [{ ...SEGMENT, fileOffset: 0x100 }, SEGMENT] },
      0x310,
    ],
    [
      'may lie beyond the file',
      {
        ...STANDARD,
        segments: [{ ...SEGMENT, fileOffset: 0x2000 }],
        totalBytes: 0x1200,
        sectionTableOffset: 0x1000,
      },
      0x2210,
    ],
    [
      'has 32 bits',
      {
        ...STANDARD,
        is64Bit: true,
        segments: [{ ...SEGMENT, fileOffset: 2 ** 32 + 0x100 }],
        totalBytes: 0x1200,
        sectionTableOffset: 0x1000,
      },
      0x310,
    ],
  ])('the entry point %s', (_, plan, entryPoint) => {
    expect(layoutOf(buildElf(plan))).toEqual({ entryPoint, sections: PLACES });
  });

  test('a file without section headers has no sections', () => {
    expect(layoutOf(buildElf({ ...STANDARD, sections: [] }))).toEqual({ entryPoint: 0x210, sections: [] });
  });

  test('sections have 32 bits', () => {
    const sections = [{ fileOffset: 2 ** 32 + 0x300, sizeBytes: 2 ** 32 + 8, virtualAddress: 0 }];
    const file = buildElf({
      ...STANDARD,
      is64Bit: true,
      sections,
      totalBytes: 0x1200,
      sectionTableOffset: 0x1000,
    });
    expect(layoutOf(file)).toEqual({ entryPoint: 0x210, sections: [[0x300, 8]] });
  });

  test.each<[string, Uint8Array]>([
    ['no class', patched(STANDARD, 4, 0)],
    ['an unknown class', patched(STANDARD, 4, 3)],
    ['an entry point in no segment', buildElf({ ...STANDARD, entryPoint: 0x9048210 })],
    [
      'an entry point in a segment that wraps around',
      buildElf({
        ...STANDARD,
        entryPoint: 0xffff_f110,
        segments: [{ ...SEGMENT, virtualAddress: 0xffff_f000, sizeBytes: 0x2000 }],
      }),
    ],
    ['program headers of another size', patched(STANDARD, 42, 56, 0)],
    ['section headers of another size', patched(STANDARD, 46, 64, 0)],
    ['more than 128 program headers', patched({ ...STANDARD, totalBytes: 0x8000 }, 44, 129, 0)],
    ['more than 256 section headers', patched({ ...STANDARD, totalBytes: 0x8000 }, 48, 1, 1)],
    ['a section table behind the end', buildElf({ ...STANDARD, totalBytes: 0x1000 })],
    ['half a header', buildElf(STANDARD).subarray(0, 40)],
  ])('takes no headers with %s', (_, file) => {
    expect(layoutOf(file)).toBeUndefined();
  });

  test('takes 128 program headers and 256 section headers', () => {
    const segments = Array.from({ length: 128 }, () => SEGMENT);
    const sections = Array.from({ length: 256 }, () => ({
      fileOffset: 0x200,
      sizeBytes: 1,
      virtualAddress: 0,
    }));
    expect(
      readExecutable(bytesInput(buildElf({ ...STANDARD, segments, sections })), 'elf')?.sections,
    ).toHaveLength(256);
  });
});
