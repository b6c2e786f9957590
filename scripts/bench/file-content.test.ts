import { describe, expect, test } from '@jest/globals';
import { createContentSource } from './file-content.js';

describe('createContentSource', () => {
  const source = createContentSource(3);
  const copyOf = (index: number, sizeBytes: number) => Buffer.from(source.contentOf(index, sizeBytes));

  test('contentOf: the same seed and index give the same bytes', () => {
    const again = createContentSource(3);
    for (const index of [0, 1, 2, 11]) {
      expect(again.contentOf(index, 5000).equals(copyOf(index, 5000))).toBe(true);
    }
  });

  test('contentOf: no two files of a tree, nor those of two trees, are equal, even small ones', () => {
    const other = createContentSource(4);
    const contents = Array.from({ length: 300 }, (_, index) => [
      copyOf(index, 64).toString('latin1'),
      other.contentOf(index, 64).toString('latin1'),
    ]).flat();
    expect(new Set(contents).size).toBe(600);
  });

  test('contentOf: gives as many bytes as asked for and refuses more than it can vary', () => {
    for (const sizeBytes of [64, 200, 8000, 2 * 1024 * 1024])
      expect(copyOf(1, sizeBytes)).toHaveLength(sizeBytes);
    expect(() => source.contentOf(1, 3 * 1024 * 1024)).toThrow('larger than planned');
  });
});
