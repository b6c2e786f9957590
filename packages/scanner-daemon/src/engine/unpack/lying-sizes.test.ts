import { crc32 } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { sevenZipOf, tarMember, tarOf, zipOf } from './testing/containers.js';
import { budgetOf, unpackAll } from './testing/unpack-all.js';
import type { ContainerFormat } from './unpacker.js';

const HUGE = 0xfffffff0;
const SANE_BYTES = 64 * 1024 * 1024;

function zipWithMethod(method: number): Buffer {
  const archive = zipOf([{ name: 'a', content: Buffer.alloc(3000, 'ab') }]);
  archive.writeUInt16LE(method, 8);
  archive.writeUInt32LE(HUGE, 18);
  archive.writeUInt32LE(HUGE, 22);
  return archive;
}

function hugeTar(): Buffer {
  const change = (header: Buffer): void => {
    header.fill(0, 124, 136);
    header[124] = 0x80;
    header[129] = 0x10;
  };
  return tarOf([tarMember('a', Buffer.from('x'), { change })]);
}

function hugeSevenZip(): Buffer {
  const archive = sevenZipOf([{ name: 'a', content: Buffer.from('first') }]);
  archive.writeBigUInt64LE(2n ** 40n, 20);
  archive.writeUInt32LE(crc32(archive.subarray(12, 32)), 8);
  return archive;
}

const CASES: readonly (readonly [ContainerFormat, string, Buffer])[] = [
  ...[0, 6, 8, 9, 12, 14, 93, 95].map(
    (method) => ['zip', `method ${String(method)}`, zipWithMethod(method)] as const,
  ),
  ['tar', 'a size of 2^44', hugeTar()],
  ['7z', 'a header of 2^40', hugeSevenZip()],
  ['zstd', 'a window of 128 MiB', Buffer.from('28b52ffd0088190000616263', 'hex')],
  ['zstd', 'a content of 120 MiB', Buffer.from('28b52ffda000008007190000616263', 'hex')],
];

test.each(CASES)('%s: %s takes no memory, whatever MaxFileSize is', (format, _, container) => {
  for (const maxFileSizeBytes of [0, 2 ** 31, 2 ** 40]) {
    const before = process.memoryUsage().arrayBuffers;
    unpackAll(format, container, { budget: budgetOf({ maxFileSizeBytes }) });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(SANE_BYTES);
  }
});
