import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { hashDatabase } from '../../../database/hashes/testing/read-lines.js';
import { nameOf } from '../../../database/names/name-table.js';
import { bytesInput } from '../../engine.js';
import type { ScanInput } from '../../engine.js';
import { ScanBudget } from '../../scan-budget.js';
import { findSectionHashes } from './section-hashes.js';
import type { SectionExtent } from './section-hashes.js';

const FILE = Buffer.concat([
  Buffer.alloc(100, 'h'),
  Buffer.alloc(512, 'a'),
  Buffer.alloc(1024 * 1024 * 2 + 3, 'b'),
]);
const A: SectionExtent = { offset: 100, sizeBytes: 512 };
const B: SectionExtent = { offset: 612, sizeBytes: 1024 * 1024 * 2 + 3 };

function hashOf({ offset, sizeBytes }: SectionExtent, algorithm: string): string {
  return createHash(algorithm)
    .update(FILE.subarray(offset, offset + sizeBytes))
    .digest('hex');
}

const LINES = [
  `*:${hashOf(B, 'md5')}:b-any:73`,
  `${B.sizeBytes}:${hashOf(B, 'sha256')}:b-sha256`,
  `512:${hashOf(A, 'sha256')}:a-sha256`,
  `512:${hashOf(A, 'sha1')}:a-sha1`,
  `*:${hashOf(A, 'md5')}:a-any:73`,
  `512:${hashOf(A, 'md5')}:a-md5`,
];

function find(
  sections: readonly SectionExtent[],
  { lines = LINES, input = bytesInput(FILE), allMatch = true, isCancelled = false } = {},
): string[] {
  const { hashes, names } = hashDatabase({ section: lines });
  const budget = new ScanBudget({
    limits: { maxFileSizeBytes: 0, maxScanSizeBytes: 0, deadlineAtMs: undefined },
    nowMs: () => 0,
    isCancelled: () => isCancelled,
  });
  const found = findSectionHashes(hashes.section, input, sections, { allMatch, budget });
  return found.map((id) => nameOf(names, id));
}

describe('findSectionHashes', () => {
  test('reports section by section, by algorithm, the size before any size', () => {
    expect(find([A, B])).toEqual(['a-md5', 'a-any', 'a-sha1', 'a-sha256', 'b-any', 'b-sha256']);
    expect(find([B, A])[0]).toBe('b-any');
  });

  test('stops at the first section that is found, unless all matches are asked for', () => {
    expect(find([A, B], { allMatch: false })).toEqual(['a-md5', 'a-any', 'a-sha1', 'a-sha256']);
  });

  test('a section of another size or place is not found', () => {
    expect(find([{ offset: 100, sizeBytes: 511 }])).toEqual([]);
    expect(find([{ offset: 99, sizeBytes: 512 }])).toEqual([]);
  });

  test('sections that are empty or reach past the end have no hash', () => {
    const empty = `*:${createHash('md5').digest('hex')}:empty:73`;
    const sections = [
      { offset: 0, sizeBytes: 0 },
      { offset: -1, sizeBytes: 512 },
      { offset: FILE.length - 1, sizeBytes: 2 },
      { offset: 2 ** 32 - 1, sizeBytes: 2 ** 32 - 1 },
    ];
    expect(find(sections, { lines: [empty] })).toEqual([]);
  });

  test('reads only sections that a signature could be for', () => {
    const input: ScanInput = {
      sizeBytes: FILE.length,
      read: (offset, lengthBytes) => {
        if (offset >= B.offset) throw new Error('read for nothing');
        return FILE.subarray(offset, offset + lengthBytes);
      },
    };
    expect(find([B, A], { input, lines: [`512:${hashOf(A, 'md5')}:a`] })).toEqual(['a']);
  });

  test('an input that shrinks has no more hashes', () => {
    const input: ScanInput = { sizeBytes: FILE.length, read: () => Buffer.alloc(10) };
    expect(find([A, B], { input })).toEqual([]);
  });

  test('a scan that is over does not go on', () => {
    expect(find([A, B], { isCancelled: true })).toEqual([]);
  });
});
