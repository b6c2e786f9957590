import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { percentile, summarise } from './statistics.js';

describe('percentile', () => {
  const hundred = Float64Array.from({ length: 100 }, (_, index) => index + 1);

  test('percentile: is the nearest rank, never an interpolation', () => {
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile(hundred, 0.001)).toBe(1);
    expect(percentile([7], 0.99)).toBe(7);
  });

  test('percentile: refuses an empty list and fractions out of range', () => {
    expect(() => percentile([], 0.5)).toThrow('no values');
    for (const fraction of [0, -1, 1.01, NaN])
      expect(() => percentile(hundred, fraction)).toThrow('fraction');
  });

  test('percentile: at least that share of the values does not exceed it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { minLength: 1 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (values, fraction) => {
          const sorted = values.toSorted((left, right) => left - right);
          const found = percentile(sorted, fraction);
          expect(sorted.filter((value) => value <= found).length).toBeGreaterThanOrEqual(
            fraction * sorted.length,
          );
          expect(sorted.filter((value) => value < found).length).toBeLessThan(fraction * sorted.length);
        },
      ),
    );
  });
});

describe('summarise', () => {
  test('summarise: sorts by number and averages the two middle values', () => {
    expect(summarise([100, 9, 20])).toEqual({ median: 20, min: 9, max: 100, count: 3 });
    expect(summarise([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4, count: 4 });
  });

  test('summarise: has nothing to say about no values', () => {
    expect(summarise([])).toBeUndefined();
  });
});
