import { describe, expect, test } from '@jest/globals';
import { bytesInput } from '../engine.js';
import { readExecutable } from './read-executable.js';
import { buildFatBinary, buildMachO } from './testing/mach-o-builder.js';
import type { MachOPlan } from './testing/mach-o-builder.js';

const TEXT = { fileOffset: 0xa00, sizeBytes: 0x123, virtualAddress: 0x1a00 };
const OTHER = { fileOffset: 0xc00, sizeBytes: 0x200, virtualAddress: 0x2000 };
const STANDARD: MachOPlan = { sections: [TEXT, OTHER], entryPoint: 0x1a10 };
const PLACES = [
  [0xa00, 0x123],
  [0xc00, 0x200],
];

function layoutOf(file: Uint8Array): object | undefined {
  const layout = readExecutable(bytesInput(file), 'machO');
  if (layout === undefined) return undefined;
  const sections = layout.sections.map(({ fileOffset, sizeBytes }) => [fileOffset, sizeBytes]);
  return { entryPoint: layout.entryPointOffset, sections };
}

function patched(plan: MachOPlan, fileOffset: number, ...bytes: readonly number[]): Uint8Array {
  return buildMachO({ ...plan, place: [{ fileOffset, bytes: Uint8Array.from(bytes) }] });
}

/** All observed with clamscan 1.4.6. */
describe('readExecutable of Mach-O files', () => {
  test.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('reads both sizes and byte orders (64 bits: %s, big-endian: %s)', (is64Bit, bigEndian) => {
    expect(layoutOf(buildMachO({ ...STANDARD, is64Bit, bigEndian }))).toEqual({
      entryPoint: 0xa10,
      sections: PLACES,
    });
  });

  test.each<[string, MachOPlan]>([
    ['an x86 file', { ...STANDARD, processor: 'x86' }],
    ['an x86-64 file', { ...STANDARD, processor: 'x86-64', is64Bit: true }],
    ['a file without a thread command', { sections: [TEXT, OTHER] }],
    ['a file whose thread starts at 0', { ...STANDARD, entryPoint: 0 }],
  ])('the entry point of %s is 0', (_, plan) => {
    expect(layoutOf(buildMachO(plan))).toEqual({ entryPoint: 0, sections: PLACES });
  });

  test('sizes are rounded up to the alignment, but not for the entry point', () => {
    const sections = [{ ...TEXT, alignmentExponent: 4 }];
    expect(layoutOf(buildMachO({ sections, entryPoint: 0x1b22 }))).toEqual({
      entryPoint: 0xb22,
      sections: [[0xa00, 0x130]],
    });
    expect(layoutOf(buildMachO({ sections, entryPoint: 0x1b23 }))).toBeUndefined();
  });

  test.each<[string, Uint8Array]>([
    ['an entry point in no section', buildMachO({ ...STANDARD, entryPoint: 0x5000 })],
    ['no load commands', patched(STANDARD, 16, 0)],
    ['more load commands than the file has', patched({ ...STANDARD, totalBytes: 0xe00 }, 16, 0, 5)],
    ['more than 255 sections in a segment', patched(STANDARD, 28 + 48, 0, 1)],
    ['an alignment of more than 2^31', buildMachO({ sections: [{ ...TEXT, alignmentExponent: 32 }] })],
    [
      'a size that rounding takes past 32 bits',
      buildMachO({
        sections: [{ ...TEXT, sizeBytes: 0xffff_ffff, alignmentExponent: 1 }],
        totalBytes: 0x1000,
      }),
    ],
    ['half a load command', buildMachO(STANDARD).subarray(0, 100)],
    ['another magic', patched(STANDARD, 0, 0)],
  ])('takes no headers with %s', (_, file) => {
    expect(layoutOf(file)).toBeUndefined();
  });

  test('a fat binary has no layout: its parts are files of their own', () => {
    expect(layoutOf(buildFatBinary([{ fileOffset: 0x1000, bytes: buildMachO(STANDARD) }]))).toBeUndefined();
  });
});
