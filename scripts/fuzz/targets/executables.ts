import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bytesInput } from '@portcullis/scanner-daemon/dist/src/engine/engine.js';
import type { ExecutableLayout } from '@portcullis/scanner-daemon/dist/src/engine/executables/executable-layout.js';
import { importList } from '@portcullis/scanner-daemon/dist/src/engine/executables/pe-import-list.js';
import { readExecutable } from '@portcullis/scanner-daemon/dist/src/engine/executables/read-executable.js';
import { buildElf } from '@portcullis/scanner-daemon/dist/src/engine/executables/testing/elf-builder.js';
import {
  buildFatBinary,
  buildMachO,
} from '@portcullis/scanner-daemon/dist/src/engine/executables/testing/mach-o-builder.js';
import { buildPe } from '@portcullis/scanner-daemon/dist/src/engine/executables/testing/pe-builder.js';
import { testEngine } from '@portcullis/scanner-daemon/dist/src/engine/builtin/testing/test-engine.js';
import { demand } from '../fuzz-error.js';
import { INPUT_MAX_BYTES } from '../mutate.js';
import { scanWithin } from './scan-within.js';
import { bytesOf, type DecoderTarget } from './target.js';

const REAL_DIRECTORY = '/usr/bin';
const REAL_COUNT = 8;
const FORMATS = ['pe', 'elf', 'machO'] as const;
/** The slowest known takes milliseconds. */
const READ_MAX_MS = 2000;
/** Offsets of every kind, so that the layout is also used. */
const SIGNATURES = {
  ndb: [1, 6, 9].flatMap((target) =>
    ['EP+0', 'EP-4,64', 'S0+0', 'S1+2,100', 'SL+0', 'SL+8', 'SE0', 'SE2', 'EOF-20'].map(
      (offset, index) => `T${target}.${index}:${target}:${offset}:000000??`,
    ),
  ),
  ldb: [
    'Vi;Engine:81-255,Target:1,EntryPoint:0-4096,NumberOfSections:1-90;0;VI:46006900',
    'Elf;Engine:81-255,Target:6,EntryPoint:0-99999,NumberOfSections:0-90;0;454c46',
  ],
};

/** The heads of executables, from bytes to sections, entry point, imports and version information. */
export function createExecutablesTarget(): DecoderTarget {
  const engine = testEngine(SIGNATURES);
  return {
    name: 'executables',
    corpus: [...builtFiles(), ...realFiles()],
    dictionary: bytesOf(
      ...[
        'MZ',
        'PE\0\0',
        '\x7fELF',
        '\xca\xfe\xba\xbe',
        '\xfe\xed\xfa\xce',
        '\xcf\xfa\xed\xfe',
        '\xff\xff\xff\xff',
      ],
      ...[
        '\0\0\0\0',
        '\x01\0\0\0',
        '\xff\xff',
        '\xff\xff\xff\x7f',
        '\0\0\0\x80',
        '\x00\x10\0\0',
        '\0\x02\0\0',
      ],
      ...[
        '\x0b\x01',
        '\x0b\x02',
        'kernel32.dll\0',
        'V\0S\0_\0',
        'S\0t\0r\0',
        '.text\0\0\0',
        '\x19\0\0\0',
        '\x28\0\0\x80',
      ],
    ),
    check(input) {
      const beganAtMs = performance.now();
      for (const format of FORMATS) {
        const layout = readExecutable(bytesInput(input), format);
        if (layout === undefined) continue;
        demandPlaces(layout);
        if (format === 'pe') importList(bytesInput(input), layout);
      }
      demand(performance.now() - beganAtMs < READ_MAX_MS, 'the head of an executable is read in little time');
      scanWithin(engine, input);
    },
  };
}

function demandPlaces({ entryPointOffset, sections, versionInfoOffsets }: ExecutableLayout): void {
  const numbers = [
    entryPointOffset ?? 0,
    ...versionInfoOffsets,
    ...sections.flatMap(({ fileOffset, sizeBytes }) => [fileOffset, sizeBytes]),
  ];
  demand(numbers.every(Number.isSafeInteger), 'places are whole numbers');
  demand(
    sections.every(({ sizeBytes }) => sizeBytes >= 0),
    'a section has a size',
  );
}

function builtFiles(): readonly Buffer[] {
  const bytes = new Uint8Array(64).fill(0x41);
  const imports = [
    { library: 'KERNEL32.dll', functions: ['ExitProcess', 'LoadLibraryA'] },
    { library: 'WS2_32.dll', functions: [1, 115] },
  ];
  const versionStrings = [
    ['CompanyName', 'Acme'],
    ['FileVersion', '1.0.0'],
  ] as const;
  const section = { fileOffset: 0x200, virtualAddress: 0x8048200, sizeBytes: 0x80 };
  const segments = [{ fileOffset: 0, virtualAddress: 0x8048000, sizeBytes: 0x1000 }];
  const machO = {
    sections: [{ fileOffset: 0xa00, sizeBytes: 0x123, virtualAddress: 0x1a00 }],
    entryPoint: 0x1a10,
  };
  const files = [false, true].flatMap((is64Bit) => [
    buildPe({ sections: [{ bytes }, { bytes }], imports, versionStrings, is64Bit }),
    ...[false, true].flatMap((bigEndian) => [
      buildElf({ entryPoint: 0x8048210, segments, sections: [section, section], is64Bit, bigEndian }),
      buildMachO({ ...machO, is64Bit, bigEndian }),
    ]),
  ]);
  const fat = buildFatBinary([{ fileOffset: 0x1000, bytes: buildMachO(machO) }]);
  return [...files, fat].map((file) => Buffer.from(file.subarray(0, INPUT_MAX_BYTES)));
}

/** The heads of a few programs; where there are others, the same seed means others. */
function realFiles(): readonly Buffer[] {
  const heads: Buffer[] = [];
  for (const name of readdirSync(REAL_DIRECTORY).sort()) {
    if (heads.length >= REAL_COUNT) break;
    const path = join(REAL_DIRECTORY, name);
    const status = statSync(path, { throwIfNoEntry: false });
    // Section headers stand at the end: what is much longer has none in its head.
    if (status === undefined || !status.isFile() || status.size > 2 * INPUT_MAX_BYTES) continue;
    const head = readFileSync(path).subarray(0, INPUT_MAX_BYTES);
    if (head.toString('latin1', 0, 4) === '\x7fELF') heads.push(head);
  }
  return heads;
}
