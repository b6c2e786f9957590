import { expect, test } from '@jest/globals';
import { addReports } from './load-report.js';
import { growthOf } from './sample-process.js';

const report = {
  operations: 10,
  refusedInfected: 2,
  admittedInfected: 0,
  refusedClean: 0,
  failed: 1,
  slowestMs: 30,
};

test('addReports: adds everything up but the slowest operation, which is the slowest of all', () => {
  expect(addReports([report, { ...report, admittedInfected: 1, slowestMs: 20 }])).toEqual({
    operations: 20,
    refusedInfected: 4,
    admittedInfected: 1,
    refusedClean: 0,
    failed: 2,
    slowestMs: 30,
  });
});

test('growthOf: the first third is for warming up', () => {
  expect(growthOf([1, 1, 9, 9, 9, 9])).toBe(0);
  expect(growthOf([5, 5, 10, 10, 25, 30])).toBe(20);
  expect(growthOf([50, 50, 10, 10, 5, 5])).toBe(-5);
  expect(growthOf([])).toBe(0);
});
