import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { bytesInput } from '../engine.js';
import { importList } from './pe-import-list.js';
import { readExecutable } from './read-executable.js';
import { buildPe } from './testing/pe-builder.js';
import type { PeImport } from './testing/pe-tables.js';

/** Room behind the table, so that every name has its 256 bytes. */
function build(imports: readonly PeImport[], is64Bit = false): Buffer {
  const file = buildPe({ sections: [{ bytes: new Uint8Array(64) }], imports, is64Bit });
  return Buffer.concat([file, new Uint8Array(512)]);
}

function hashOf(file: Uint8Array): { readonly hex: string; readonly listBytes: number } | undefined {
  const input = bytesInput(file);
  const layout = readExecutable(input, 'pe');
  const found = layout === undefined ? undefined : importList(input, layout);
  return found && md5Of(Buffer.from(found).toString('latin1'));
}

function md5Of(list: string): { readonly hex: string; readonly listBytes: number } {
  return { hex: createHash('md5').update(list, 'latin1').digest('hex'), listBytes: list.length };
}

const KERNEL: PeImport = { library: 'KERNEL32.dll', functions: ['ExitProcess', 'LoadLibraryA'] };
const KERNEL_LIST = 'kernel32.exitprocess,kernel32.loadlibrarya';

describe('importList', () => {
  test.each<[string, readonly PeImport[], string]>([
    [
      'lower case and table order',
      [KERNEL, { library: 'user32.DLL', functions: ['MessageBoxA'] }],
      `${KERNEL_LIST},user32.messageboxa`,
    ],
    ['ordinals', [{ library: 'a.dll', functions: [65535, 0, 7] }], 'a.ord65535,a.ord0,a.ord7'],
    [
      'ordinals with names',
      [
        { library: 'WS2_32.dll', functions: [1, 115, 499] },
        { library: 'oleaut32.dll', functions: [2] },
      ],
      'ws2_32.accept,ws2_32.wsastartup,ws2_32.ord499,oleaut32.sysallocstring',
    ],
    [
      'suffixes that go',
      [
        { library: 'a.ocx', functions: ['f'] },
        { library: 'b.sys', functions: ['f'] },
      ],
      'a.f,b.f',
    ],
    [
      'suffixes that stay',
      [
        { library: 'c.drv', functions: ['f'] },
        { library: 'e.x.dll', functions: ['f'] },
        { library: 'noext', functions: ['f'] },
      ],
      'c.drv.f,e.x.dll.f,noext.f',
    ],
    [
      'what follows a suffix',
      [
        { library: 'my.dll.dll', functions: ['f'] },
        { library: 'a.sysx', functions: ['f'] },
      ],
      'my.f,a.f',
    ],
    ['a library without functions', [{ library: 'a.dll', functions: [] }, KERNEL], KERNEL_LIST],
    ['empty names', [{ library: 'a.dll', functions: ['x', '', 'y'] }], 'a.x,a.,a.y'],
    ['long names', [{ library: 'a.dll', functions: ['x'.repeat(300)] }], `a.${'x'.repeat(256)}`],
  ])('has %s', (_, imports, list) => {
    expect(hashOf(build(imports))).toEqual(md5Of(list));
  });

  test.each(['x y', 'a@4', '?f@@YAXXZ', 'a$b', 'a\xffb'])(
    'is missing where a function is called %s',
    (name) => {
      expect(hashOf(build([{ library: 'a.dll', functions: ['ok', name] }]))).toBeUndefined();
    },
  );

  test('is missing in a file of 64 bits and in one without imports', () => {
    expect(hashOf(build([KERNEL], true))).toBeUndefined();
    expect(hashOf(buildPe({ sections: [{ bytes: new Uint8Array(64) }] }))).toBeUndefined();
  });

  test.each([
    [20, ''],
    [21, KERNEL_LIST],
    [40, KERNEL_LIST],
    [41, `${KERNEL_LIST},b.f`],
  ])('looks at all but the last row of a directory of %i bytes', (directoryBytes, list) => {
    const file = build([KERNEL, { library: 'b.dll', functions: ['f'] }]);
    file.writeUInt32LE(directoryBytes, 0x80 + 24 + 96 + 12);
    expect(hashOf(file)).toEqual(md5Of(list));
  });

  test('ends a library at a name with less than 256 bytes of file behind it', () => {
    const file = buildPe({ sections: [{ bytes: new Uint8Array(64) }], imports: [KERNEL] });
    const hintOffset = Buffer.from(file).indexOf('LoadLibraryA') - 2;
    expect(hashOf(file.subarray(0, hintOffset + 2 + 256))).toEqual(md5Of(KERNEL_LIST));
    expect(hashOf(file.subarray(0, hintOffset + 2 + 255))).toEqual(md5Of('kernel32.exitprocess'));
  });
});
