import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBenchDirectory, removeBenchDirectory } from '../bench-directory.js';
import { ProcessKeeper } from '../process-keeper.js';
import { planSmallFiles } from '../tree-plan.js';
import { makeTree } from '../trees.js';
import { parseOpenerReport } from './opener-report.js';
import { combineReports, countRefused, dealOut, runOpeners } from './run-openers.js';

describe('dealOut', () => {
  test('dealOut: every item goes to one share, in order, shares differ by one at most', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { maxLength: 50 }),
        fc.integer({ min: 1, max: 9 }),
        (items, shareCount) => {
          const shares = dealOut(items, shareCount);
          expect(shares).toHaveLength(shareCount);
          expect(shares.flat()).toEqual(items);
          const lengths = shares.map((share) => share.length);
          expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

describe('combineReports', () => {
  test('combineReports: the time runs from the first start to the last end, latencies are pooled and sorted', () => {
    const combined = combineReports([
      { startedAtMs: 10, endedAtMs: 20, latenciesNs: [300, 9] },
      { startedAtMs: 12, endedAtMs: 35, latenciesNs: [20] },
    ]);
    expect(combined.elapsedMs).toBe(25);
    expect([...combined.latenciesNs]).toEqual([9, 20, 300]);
  });
});

describe('parseOpenerReport', () => {
  test.each([
    '',
    '{}',
    '[]',
    'null',
    '{"startedAtMs":2,"endedAtMs":1,"latenciesNs":[]}',
    '{"startedAtMs":1,"endedAtMs":2,"latenciesNs":["3"]}',
  ])('parseOpenerReport: refuses %j', (text) => {
    expect(() => parseOpenerReport(text)).toThrow();
  });
});

describe('the opener programs', () => {
  test('runOpeners: opens each file once with every program; a missing file is an error, not a fast open', async () => {
    const directory = makeBenchDirectory(tmpdir());
    try {
      const listDirectory = join(directory, 'lists');
      mkdirSync(listDirectory);
      const context = { keeper: new ProcessKeeper(), listDirectory };
      const { files } = makeTree(directory, planSmallFiles('small', 30, 1), 'root');
      const opened = await runOpeners(context, 'open-files', files, 4);
      expect(opened.latenciesNs).toHaveLength(30);
      expect(opened.latenciesNs[0]).toBeGreaterThan(0);
      const read = await runOpeners(context, 'read-tree', files, 2);
      expect(read.latenciesNs).toHaveLength(0);
      expect(read.elapsedMs).toBeGreaterThan(0);
      expect(await countRefused(context, files)).toBe(0);
      await expect(runOpeners(context, 'open-files', [join(directory, 'absent')], 1)).rejects.toMatchObject({
        code: 'BENCH_CHILD_FAILED',
      });
    } finally {
      removeBenchDirectory(directory);
    }
  });
});
