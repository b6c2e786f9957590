import { describe, expect, test } from '@jest/globals';
import { comparisonArguments, comparisonNamed } from './engine-comparison.js';

describe('comparisons of the engine', () => {
  test('begin with their name', () => {
    expect(comparisonNamed('generated')).toBe('generated');
    expect(comparisonNamed('/usr')).toBeUndefined();
    expect(comparisonNamed(undefined)).toBeUndefined();
  });

  test('use the official signatures where no others are named', () => {
    expect(comparisonArguments('lines', ['--seed', '2'], '/db')).toEqual([
      'lines',
      '--database',
      '/db',
      '--seed',
      '2',
    ]);
    expect(comparisonArguments('lines', ['--database=/mine'], '/db')).toEqual(['lines', '--database=/mine']);
    expect(comparisonArguments('testfiles', [], '/db')).toEqual(['testfiles']);
  });

  test('look at /usr where no tree is named', () => {
    expect(comparisonArguments('tree', [], '/db')).toEqual(['tree', '--database', '/db', '/usr']);
    expect(comparisonArguments('tree', ['--sample=5', '/srv'], '/db')).toEqual([
      'tree',
      '--database',
      '/db',
      '--sample=5',
      '/srv',
    ]);
  });
});
