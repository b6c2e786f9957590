import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bytesInput } from '../engine.js';
import { readExecutable } from './read-executable.js';
import { buildPe } from './testing/pe-builder.js';
import type { PePlan } from './testing/pe-builder.js';

/** Virtual address, size in the file, pointer to it: as the section table has them. */
type Row = readonly [virtualAddress: number, rawSizeBytes: number, rawPointer: number];

function peOf(rows: readonly Row[], plan: Partial<PePlan> = {}): Uint8Array {
  const sections = rows.map(([virtualAddress, rawSizeBytes, rawPointer]) => ({
    bytes: new Uint8Array(0),
    virtualAddress,
    virtualSizeBytes: 0x200,
    rawSizeBytes,
    rawPointer,
  }));
  return buildPe({ sections, headersSizeBytes: 0x400, totalBytes: 0x1000, ...plan });
}

function layoutOf(file: Uint8Array): object | undefined {
  const layout = readExecutable(bytesInput(file), 'pe');
  if (layout === undefined) return undefined;
  const sections = layout.sections.map(({ fileOffset, sizeBytes }) => [fileOffset, sizeBytes]);
  return { entryPoint: layout.entryPointOffset, sections };
}

const A: Row = [0x1000, 0x200, 0x400];
const B: Row = [0x2000, 0x400, 0x600];
const AS_WRITTEN = [
  [0x400, 0x200],
  [0x600, 0x400],
];

/** All observed with clamscan 1.4.6: `EP+0`, `S0+0`, `S1+0`, `SE0`, `SE1` against files whose every four bytes are different. */
const OBSERVED: readonly (readonly [
  string,
  readonly Row[],
  Partial<PePlan>,
  number,
  readonly (readonly number[])[],
])[] = [
  ['as written', [A, B], { entryPoint: 0x1010 }, 0x410, AS_WRITTEN],
  ['in PE32+', [A, B], { entryPoint: 0x2010, is64Bit: true }, 0x610, AS_WRITTEN],
  ['an entry point in the headers', [A, B], { entryPoint: 0x200 }, 0x200, AS_WRITTEN],
  ['the headers reach up to the section alignment', [A, B], { entryPoint: 0x700 }, 0x700, AS_WRITTEN],
  ['no entry point', [A, B], { entryPoint: 0 }, 0, AS_WRITTEN],
  [
    'pointers rounded down, sizes up',
    [
      [0x1000, 0x1f0, 0x4ff],
      [0x2000, 0x333, 0x6f0],
    ],
    { entryPoint: 0x1010 },
    0x410,
    AS_WRITTEN,
  ],
  [
    'a pointer of 1 means 0',
    [[0x1000, 0x200, 1], B],
    { entryPoint: 0x1010 },
    0x10,
    [
      [0, 0x200],
      [0x600, 0x400],
    ],
  ],
  [
    'a file alignment of 0x10',
    [
      [0x1000, 0x1f5, 0x415],
      [0x2000, 0x333, 0x6f3],
    ],
    { entryPoint: 0x1010, fileAlignment: 0x10 },
    0x420,
    [
      [0x410, 0x200],
      [0x6f0, 0x340],
    ],
  ],
  [
    'no file alignment: nothing is rounded',
    [
      [0x1000, 0x1f5, 0x415],
      [0x2000, 0x333, 0x6f3],
    ],
    { entryPoint: 0x1010, fileAlignment: 0 },
    0x425,
    [
      [0x415, 0x1f5],
      [0x6f3, 0x333],
    ],
  ],
  [
    'a file alignment that a pointer contradicts falls back to 0x200',
    [
      [0x1000, 0x200, 0x415],
      [0x2000, 0x10, 0x600],
    ],
    { entryPoint: 0x1010, fileAlignment: 0x400 },
    0x410,
    [
      [0x400, 0x200],
      [0x600, 0x200],
    ],
  ],
  [
    'an empty section contradicts nothing',
    [
      [0x1000, 0x200, 0x415],
      [0x2000, 0, 0x600],
    ],
    { entryPoint: 0x1010, fileAlignment: 0x400 },
    0x410,
    [
      [0x400, 0x400],
      [0x400, 0],
    ],
  ],
  [
    'a section beyond the file',
    [A, [0x2000, 0x400, 0x2000]],
    { entryPoint: 0x1010 },
    0x410,
    [
      [0x400, 0x200],
      [0x2000, 0],
    ],
  ],
  [
    'a section cut by the end',
    [A, [0x2000, 0xffff_fe00, 0x600]],
    { entryPoint: 0x1010 },
    0x410,
    [
      [0x400, 0x200],
      [0x600, 0xa00],
    ],
  ],
  [
    'of overlapping addresses the last counts',
    [
      [0x1000, 0x400, 0x400],
      [0x1000, 0x400, 0x800],
    ],
    { entryPoint: 0x1010 },
    0x810,
    [
      [0x400, 0x400],
      [0x800, 0x400],
    ],
  ],
  ['addresses are rounded down', [[0x1010, 0x400, 0x400]], { entryPoint: 0x1020 }, 0x420, [[0x400, 0x400]]],
  ['an address is in a section as far as the file has it', [A, B], { entryPoint: 0x2310 }, 0x910, AS_WRITTEN],
];

describe('readExecutable of PE files', () => {
  test.each(OBSERVED)('finds entry point and sections: %s', (...[, rows, plan, entryPoint, sections]) => {
    expect(layoutOf(peOf(rows, plan))).toEqual({ entryPoint, sections });
  });

  test.each<[string, Uint8Array]>([
    ['an entry point in no section', peOf([A, B], { entryPoint: 0x7000 })],
    ['an entry point behind what the file has of a section', peOf([A, B], { entryPoint: 0x2400 })],
    [
      'an entry point in the headers behind the end of the file',
      peOf([A, B], { entryPoint: 0x1000, headersSizeBytes: 0x9000 }),
    ],
    ['no sections', peOf([A, B], { entryPoint: 0x1010, sectionCount: 0 })],
    [
      'a section table that the file ends in',
      peOf([A, B], { entryPoint: 0x10, sectionCount: 90, totalBytes: 0x800 }),
    ],
    [
      'a size that rounding takes past 32 bits',
      peOf([A, [0x2000, 0xffff_fe01, 0x600]], { entryPoint: 0x1010 }),
    ],
    ['an address with the highest bit', peOf([A, [0x8000_0000, 0x200, 0x600]], { entryPoint: 0x1010 })],
    ['no MZ header', new Uint8Array(63)],
    ['no PE signature', peOf([A], { place: [{ fileOffset: 0x80, bytes: Uint8Array.of(0x4e, 0x45) }] })],
    ['a short optional header', peOf([A], { place: [{ fileOffset: 0x94, bytes: Uint8Array.of(223, 0) }] })],
    [
      'a short optional header of 64 bits',
      peOf([A], { is64Bit: true, place: [{ fileOffset: 0x94, bytes: Uint8Array.of(239, 0) }] }),
    ],
  ])('takes no headers with %s', (_, file) => {
    expect(layoutOf(file)).toBeUndefined();
  });

  test('takes more than 96 sections', () => {
    const rows = Array.from({ length: 300 }, (): Row => A);
    const layout = readExecutable(bytesInput(peOf(rows, { entryPoint: 0x10, totalBytes: 0x8000 })), 'pe');
    expect(layout?.sections).toHaveLength(300);
  });

  test('never throws, and reads within the file, whatever bytes are changed', () => {
    const original = buildPe({
      sections: [{ bytes: new Uint8Array(64) }],
      versionStrings: [['CompanyName', 'Acme']],
      imports: [{ library: 'kernel32.dll', functions: ['ExitProcess', 7] }],
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(original.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 12 }),
        fc.nat(original.length),
        (changes, sizeBytes) => {
          const file = original.slice(0, sizeBytes);
          for (const [at, byte] of changes) if (at < sizeBytes) file[at] = byte;
          const input = bytesInput(file);
          const guarded = {
            sizeBytes,
            read: (offset: number, length: number): Uint8Array => {
              if (offset < 0 || length < 0 || offset + length > sizeBytes) throw new Error('read outside');
              return input.read(offset, length);
            },
          };
          for (const format of ['pe', 'elf', 'machO'] as const) readExecutable(guarded, format);
        },
      ),
    );
  });
});
