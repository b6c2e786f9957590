import { describe, expect, test } from '@jest/globals';
import { dirname } from 'node:path';
import { fullTreeSize, planMixedTree, planSmallFiles } from './tree-plan.js';
import type { TreePlan } from './tree-plan.js';

function expectWellFormed({ directories, files }: TreePlan): void {
  const seen = new Set<string>(['.']);
  for (const directory of directories) {
    expect(seen.has(dirname(directory))).toBe(true);
    seen.add(directory);
  }
  expect(seen.size).toBe(directories.length + 1);
  expect(new Set(files.map(({ path }) => path)).size).toBe(files.length);
  for (const { path } of files) expect(seen.has(dirname(path))).toBe(true);
}

describe('planSmallFiles', () => {
  test('planSmallFiles: the same seed gives the same plan, another seed other sizes', () => {
    expect(planSmallFiles('one', 300, 7)).toEqual(planSmallFiles('one', 300, 7));
    expect(planSmallFiles('one', 300, 8).files).not.toEqual(planSmallFiles('one', 300, 7).files);
  });

  test('planSmallFiles: every file has 200 to 8,000 bytes, parents come first, no path twice', () => {
    const plan = planSmallFiles('one', 4001, 1);
    expectWellFormed(plan);
    expect(plan.files).toHaveLength(4001);
    const sizes = plan.files.map(({ sizeBytes }) => sizeBytes);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(200);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8000);
    expect(new Set(sizes).size).toBeGreaterThan(1000);
  });
});

describe('planMixedTree', () => {
  const plan = planMixedTree('tree', fullTreeSize, 1);

  test('planMixedTree: has about 1,400 directories, 12,000 files and 200 MB', () => {
    expectWellFormed(plan);
    expect(plan.directories).toHaveLength(1401);
    expect(plan.files).toHaveLength(12_000);
    const totalBytes = plan.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(Math.abs(totalBytes - 200_000_000)).toBeLessThan(2_000_000);
  });

  test('planMixedTree: no file is so large that clamonacc would skip it (5 MB)', () => {
    expect(Math.max(...plan.files.map(({ sizeBytes }) => sizeBytes))).toBeLessThan(5_000_000);
  });

  test('planMixedTree: the same seed gives the same plan, another seed another one', () => {
    expect(planMixedTree('tree', fullTreeSize, 1)).toEqual(plan);
    expect(planMixedTree('tree', fullTreeSize, 2).files).not.toEqual(plan.files);
  });
});
