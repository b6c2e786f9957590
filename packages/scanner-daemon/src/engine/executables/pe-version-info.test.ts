import { describe, expect, test } from '@jest/globals';
import { bytesInput } from '../engine.js';
import { readExecutable } from './read-executable.js';
import { buildPe } from './testing/pe-builder.js';

function keysOf(file: Uint8Array): readonly string[] {
  const offsets = readExecutable(bytesInput(file), 'pe')?.versionInfoOffsets ?? [];
  return offsets.map((offset) => {
    const text = Buffer.from(file.subarray(offset, offset + 64)).toString('utf16le');
    return text.slice(0, text.indexOf('\0'));
  });
}

function build(versionStrings: readonly (readonly [string, string])[]): Buffer {
  return Buffer.from(buildPe({ sections: [{ bytes: new Uint8Array(64) }], versionStrings }));
}

/** Where the block with this key begins. */
function blockAt(file: Buffer, key: string): number {
  return file.indexOf(Buffer.from(key, 'utf16le')) - 6;
}

const STRINGS = [
  ['CompanyName', 'Acme'],
  ['FileVersion', '1.0.0'],
] as const;

describe('version information of a PE file', () => {
  test('has an offset for the key of each string', () => {
    expect(keysOf(build(STRINGS))).toEqual(['CompanyName', 'FileVersion']);
  });

  test('is found in a file of 64 bits too', () => {
    const file = buildPe({
      sections: [{ bytes: new Uint8Array(64) }],
      versionStrings: STRINGS,
      is64Bit: true,
    });
    expect(keysOf(file)).toEqual(['CompanyName', 'FileVersion']);
  });

  test.each<[string, (file: Buffer) => void, readonly string[]]>([
    ['a last string that is not filled up to four bytes', shortenTable, ['CompanyName']],
    ['a string table longer than what it is in', lengthenBlock('040904b0'), []],
    ['strings longer than the resource', lengthenBlock('StringFileInfo'), []],
    ['a resource longer than its place', lengthenBlock('VS_VERSION_INFO'), []],
    ['another root key', (file) => file.write('X', blockAt(file, 'VS_VERSION_INFO') + 6), []],
    ['another key for the strings', (file) => file.write('X', blockAt(file, 'StringFileInfo') + 6), []],
    [
      'any language',
      (file) => file.write('z', blockAt(file, '040904b0') + 6),
      ['CompanyName', 'FileVersion'],
    ],
    ['a string without length', (file) => file.writeUInt16LE(0, blockAt(file, 'CompanyName')), []],
    ['no fixed information', (file) => file.writeUInt16LE(0, blockAt(file, 'VS_VERSION_INFO') + 2), []],
    ['fewer than three directories', (file) => file.writeUInt32LE(2, 0x80 + 24 + 92), []],
    ['a resource directory that leads to itself', (file) => file.writeUInt32LE(0x80000000, 0x400 + 20), []],
  ])('with %s', (_, change, expected) => {
    const file = build(STRINGS);
    change(file);
    expect(keysOf(file)).toEqual(expected);
  });

  test('ends at a string of sixteen bytes', () => {
    expect(keysOf(build([['A', 'x'], ...STRINGS]))).toEqual([]);
    expect(keysOf(build([['ABC', 'x'], ...STRINGS]))).toEqual(['ABC', 'CompanyName', 'FileVersion']);
  });
});

function lengthenBlock(key: string): (file: Buffer) => void {
  return (file) => {
    const at = blockAt(file, key);
    file.writeUInt16LE(file.readUInt16LE(at) + 4, at);
  };
}

/** So that the last string, whose length is rounded up, reaches past the end of the table. */
function shortenTable(file: Buffer): void {
  const at = blockAt(file, '040904b0');
  file.writeUInt16LE(file.readUInt16LE(at) - 4, at);
}

test('version information is read when it is asked for, once', () => {
  const whole = bytesInput(build(STRINGS));
  let reads = 0;
  const read: typeof whole.read = (...range) => {
    reads++;
    return whole.read(...range);
  };
  const layout = readExecutable({ ...whole, read }, 'pe');
  const readsOfHeaders = reads;
  expect(layout?.versionInfoOffsets).toHaveLength(2);
  const readsOfAll = reads;
  expect(readsOfAll).toBeGreaterThan(readsOfHeaders);
  expect(layout?.versionInfoOffsets).toHaveLength(2);
  expect(reads).toBe(readsOfAll);
});
