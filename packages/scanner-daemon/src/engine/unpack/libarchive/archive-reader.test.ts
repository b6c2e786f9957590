import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { bytesInput } from '../../engine.js';
import { unpackerOf } from '../registry.js';
import { sevenZipOf } from '../testing/containers.js';
import { budgetOf, unpackAll } from '../testing/unpack-all.js';
import type { UnpackOutcome } from '../unpacker.js';
import { ArchiveReader } from './archive-reader.js';
import { libarchiveInstance } from './instance.js';

const FILES = [
  { name: 'one', content: Buffer.from('first') },
  { name: 'two', content: Buffer.from('second') },
];
const ARCHIVE = sevenZipOf(FILES);
const FILE_TOO_LARGE = { kind: 'incomplete', reason: 'fileTooLarge' };
const XZ = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ACLAA1dADQZSe6N74yMYn1/AAAAAAAAZHz/Org2/AUAASmMAQAAANW6XC+xxGf7AgAAAAAEWVo=',
  'base64',
);

/** Makes nonsense of all pointers in libarchive's memory, so that the next call traps. */
function breakDown(): void {
  libarchiveInstance()?.module.HEAPU8.fill(0xff, 1024);
}

/** Unpacks two files of a 7z archive, between which libarchive breaks down. */
function unpackWithBreakdown(): { readonly outcome: UnpackOutcome | undefined; readonly noted: unknown } {
  const budget = budgetOf();
  const outcome = unpackerOf('7z')?.unpack(bytesInput(ARCHIVE), {
    budget,
    emit: () => {
      breakDown();
      return 'continue';
    },
  });
  return { outcome, noted: budget.exceeded };
}

/** An xz stream whose block says that it needs a dictionary of this size, as the format codes it. */
function xzWithDictionary(code: number): Buffer {
  const stream = Buffer.from(XZ);
  stream[16] = code;
  stream.writeUInt32LE(crc32(stream.subarray(12, 20)), 20);
  return stream;
}

describe('libarchive', () => {
  test('a trap leaves the archive incomplete, and the next one is unpacked', () => {
    expect(unpackWithBreakdown()).toEqual({ outcome: FILE_TOO_LARGE, noted: 'fileTooLarge' });
    expect(unpackAll('7z', ARCHIVE).entries).toEqual(['one=first', 'two=second']);
  });

  test('a trap ends all readers that are open', () => {
    const first = ArchiveReader.open([ARCHIVE]);
    const second = ArchiveReader.open([ARCHIVE]);
    if (typeof first === 'string' || typeof second === 'string') throw new Error('not opened');
    breakDown();
    expect([first.nextEntry(), second.nextEntry()]).toEqual(['outOfMemory', 'outOfMemory']);
    first.close();
    second.close();
  });

  test('many traps in one turn leave what follows incomplete, and another instance takes over', async () => {
    const broken = libarchiveInstance();
    for (let count = 0; count < 10; count += 1)
      expect(unpackWithBreakdown()).toEqual({ outcome: FILE_TOO_LARGE, noted: 'fileTooLarge' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(libarchiveInstance()).toBeDefined();
    expect(libarchiveInstance()).not.toBe(broken);
    expect(unpackAll('7z', ARCHIVE).entries).toEqual(['one=first', 'two=second']);
  });

  // 1 GiB, 1.5 GiB, 2 GiB, 3 GiB and 4 GiB.
  test.each([36, 37, 38, 39, 40])('a dictionary beyond its memory is a limit (code %i)', (code) => {
    const budget = budgetOf();
    expect(unpackAll('xz', xzWithDictionary(code), { budget }).outcome).toEqual(FILE_TOO_LARGE);
    expect(budget.exceeded).toBe('fileTooLarge');
    expect(unpackAll('xz', XZ).entries).toHaveLength(1);
  });
});
