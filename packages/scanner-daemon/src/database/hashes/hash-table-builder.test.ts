import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HashTableBuilder } from './hash-table-builder.js';
import { DIGEST_WORDS } from './hash-table.js';
import type { HashTable } from './hash-table.js';

/** Size and digest. */
type Key = readonly number[];

const word = fc.integer({ min: 0, max: 0xffff_ffff });
/** Few values, so that records agree in their first words and in all of them. */
const clash = fc.constantFrom(0, 1, 0x8000_0000, 0xffff_ffff);

function build(keys: readonly Key[]): HashTable {
  const builder = new HashTableBuilder();
  keys.forEach(([size = 0, ...digest], index) => {
    builder.add(size, Uint32Array.from(digest), index);
  });
  return builder.finish();
}

function entriesOf({ sizes, digests, nameIds }: HashTable): [string, number][] {
  return Array.from(sizes, (size, index) => {
    const digest = digests.subarray(index * DIGEST_WORDS, (index + 1) * DIGEST_WORDS);
    return [[size, ...digest].join(), nameIds[index]!];
  });
}

function expectSorted(keys: readonly Key[]): void {
  const naive = new Map(keys.map((key, index) => [key.join(), index]));
  const distinct = new Map(keys.map((key) => [key.join(), key]));
  const sorted = [...distinct.values()].sort((a, b) => {
    const at = a.findIndex((value, index) => value !== b[index]);
    return (a[at] ?? 0) - (b[at] ?? 0);
  });
  const table = build(keys);
  expect(entriesOf(table)).toEqual(sorted.map((key) => [key.join(), naive.get(key.join())]));
}

describe('HashTableBuilder', () => {
  test('sorts by size and digest, and the later of two equal ones stands', () => {
    const key = fc.oneof(
      fc.tuple(clash, clash, clash, clash, clash),
      fc.tuple(fc.nat(3), word, word, word, word),
    );
    fc.assert(
      fc.property(fc.array(key, { maxLength: 200 }), (keys) => {
        expectSorted(keys);
      }),
    );
  });

  test.each([
    ['all alike', () => [7, 1, 2, 3, 4]],
    ['alike but for the last word', (index: number) => [7, 1, 2, 3, (index * 2_654_435_761) >>> 0]],
    ['alike but for the size', (index: number) => [(index * 2_654_435_761) >>> 0, 1, 2, 3, 4]],
    ['of any size and alike but for the first word', (index: number) => [0, (index * 40_503) >>> 0, 2, 3, 4]],
    ['in pairs', (index: number) => [index >>> 1, 1, 2, 3, index & 1]],
    ['in long runs', (index: number) => [index % 7, index % 11, index % 13, index % 17, index % 19]],
  ] as const)('sorts five thousand records that are %s', (_, keyOf: (index: number) => readonly number[]) => {
    expectSorted(Array.from({ length: 5_000 }, (_unused, index) => keyOf(index)));
  });

  test('takes 24 bytes of shared memory a signature', () => {
    const { sizes, digests, nameIds } = build(Array.from({ length: 100 }, (_, index) => [index, 0, 0, 0, 0]));
    expect(sizes.byteLength + digests.byteLength + nameIds.byteLength).toBe(2400);
    for (const { buffer } of [sizes, digests, nameIds]) {
      expect(Object.prototype.toString.call(buffer)).toBe('[object SharedArrayBuffer]');
    }
  });

  test('takes 24 bytes also where equal ones were dropped', () => {
    const { digests } = build(Array.from({ length: 100 }, (_, index) => [1 + (index % 10), 0, 0, 0, 0]));
    expect(digests.buffer.byteLength).toBe(10 * 16);
  });
});
