import { describe, expect, test } from '@jest/globals';
import { parseBenchOptions } from './options.js';

describe('parseBenchOptions', () => {
  test('parseBenchOptions: without arguments everything runs three times, clamonacc reads the tree once', () => {
    expect(parseBenchOptions([])).toEqual({
      repetitions: 3,
      clamavTreeRepetitions: 1,
      isQuick: false,
      parentDirectory: '/var/tmp',
      contenders: ['bare', 'portcullis', 'clamav'],
      scenarios: ['uncached-open', 'tree-passes', 'many-directories', 'daemon'],
    });
  });

  test('parseBenchOptions: --only narrows scenarios and contenders independently', () => {
    const options = parseBenchOptions(['--only', 'clamav', '--only', 'bare', '--only', 'tree-passes']);
    expect(options).toMatchObject({ contenders: ['bare', 'clamav'], scenarios: ['tree-passes'] });
  });

  test('parseBenchOptions: --quick runs once unless told otherwise', () => {
    expect(parseBenchOptions(['--quick'])).toMatchObject({ isQuick: true, repetitions: 1 });
    expect(parseBenchOptions(['--quick', '--repeat', '2'])).toMatchObject({ repetitions: 2 });
  });

  test('parseBenchOptions: --help wins', () => {
    expect(parseBenchOptions(['--help', '--only', 'nonsense'])).toBe('help');
  });

  test.each([
    [['--repeat', '0']],
    [['--repeat', '51']],
    [['--repeat', '2.5']],
    [['--repeat-clamav', '-1']],
    [['--only', 'santa']],
    [['--frobnicate']],
    [['operand']],
    [['--dir']],
  ])('parseBenchOptions: refuses %j', (args) => {
    expect(() => parseBenchOptions(args)).toThrow(expect.objectContaining({ code: 'BENCH_BAD_OPTION' }));
  });
});
