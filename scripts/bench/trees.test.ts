import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBenchDirectory, makeRunDirectory, removeBenchDirectory } from './bench-directory.js';
import { composeEicar, placeProbes } from './probes.js';
import { planMixedTree, planSmallFiles } from './tree-plan.js';
import { makeTree } from './trees.js';

let parent: string;
beforeEach(() => {
  parent = makeBenchDirectory(tmpdir());
});
afterEach(() => {
  removeBenchDirectory(parent);
});

describe('makeTree', () => {
  test('makeTree: writes what was planned, the same bytes each time', () => {
    const plan = planMixedTree('tree', { topDirectoryCount: 1, fileCount: 20, totalBytes: 50_000 }, 5);
    const first = makeTree(makeRunDirectory(parent, 'first'), plan, 'root');
    const second = makeTree(makeRunDirectory(parent, 'second'), plan, 'root');
    expect(first.files.map((file) => statSync(file).size)).toEqual(
      plan.files.map(({ sizeBytes }) => sizeBytes),
    );
    expect(first.files.map((file) => readFileSync(file, 'latin1'))).toEqual(
      second.files.map((file) => readFileSync(file, 'latin1')),
    );
  });

  test('makeTree: a user-owned tree has no file or directory of root (as root only)', () => {
    if (process.getuid?.() !== 0) {
      console.log('skipped: chown needs root');
      return;
    }
    const tree = makeTree(parent, planSmallFiles('small', 3, 1), 'user');
    for (const path of [...tree.files, ...tree.directories]) expect(statSync(path).uid).toBe(65534);
  });
});

describe('placeProbes', () => {
  test('placeProbes: puts one EICAR file into each directory', () => {
    const directories = ['a', 'b'].map((name) => makeRunDirectory(parent, name));
    const probes = placeProbes(directories);
    expect(probes).toHaveLength(2);
    for (const probe of probes) expect(readFileSync(probe, 'latin1')).toBe(composeEicar());
    expect(composeEicar()).toHaveLength(68);
    expect(readdirSync(join(parent, 'b'))).toHaveLength(1);
  });
});

describe('removeBenchDirectory', () => {
  test('removeBenchDirectory: removes a run directory with what is in it', () => {
    const run = makeRunDirectory(parent, 'run');
    makeTree(run, planSmallFiles('small', 3, 1), 'root');
    removeBenchDirectory(run);
    expect(existsSync(run)).toBe(false);
  });

  test('removeBenchDirectory: refuses what the benchmark did not make', () => {
    const foreign = join(makeRunDirectory(parent, 'run'), 'deeper');
    for (const path of ['/', '/var/tmp', '/portcullis', foreign]) {
      expect(() => {
        removeBenchDirectory(path);
      }).toThrow('refusing');
    }
  });
});
