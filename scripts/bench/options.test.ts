import { describe, expect, test } from '@jest/globals';
import { parseBenchOptions } from './options.js';
import type { BenchOptions } from './options.js';

function parse(args: readonly string[]): BenchOptions {
  const options = parseBenchOptions(args);
  if (options === 'help') throw new Error('help was not asked for');
  return options;
}

describe('parseBenchOptions', () => {
  test('parseBenchOptions: without arguments everything runs three times, clamonacc reads the tree once', () => {
    expect(parseBenchOptions([])).toEqual({
      repetitions: 3,
      clamavTreeRepetitions: 1,
      isQuick: false,
      engine: 'builtin',
      signatures: 'all',
      parentDirectory: '/var/tmp',
      contenders: ['bare', 'portcullis', 'clamav'],
      scenarios: ['uncached-open', 'tree-passes', 'many-directories', 'daemon', 'engine'],
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

  test('parseBenchOptions: with libclamav the cost of its isolation is measured too, and only then can be', () => {
    const { engine, scenarios } = parse(['--engine', 'libclamav']);
    expect({ engine, scenarios }).toEqual({
      engine: 'libclamav',
      scenarios: ['uncached-open', 'tree-passes', 'many-directories', 'daemon', 'isolation'],
    });
    expect(parse(['--engine', 'libclamav', '--only', 'isolation']).scenarios).toEqual(['isolation']);
  });

  test('parseBenchOptions: the engine alone is measured when it is ours', () => {
    expect(parse(['--only', 'engine', '--quick'])).toMatchObject({ scenarios: ['engine'], isQuick: true });
  });

  test('parseBenchOptions: all signatures are loaded unless told otherwise', () => {
    expect(parse(['--engine', 'libclamav']).signatures).toBe('all');
    expect(parse(['--signatures', 'plain']).signatures).toBe('plain');
    expect(parse(['--engine', 'libclamav', '--signatures', 'plain']).signatures).toBe('plain');
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
    [['--only', 'isolation']],
    [['--engine', 'auto']],
    [['--engine', 'libclamav', '--only', 'engine']],
    [['--engine', 'libclamav', '--signatures', 'none']],
    [['--engine']],
    [['--frobnicate']],
    [['operand']],
    [['--dir']],
  ])('parseBenchOptions: refuses %j', (args) => {
    expect(() => parseBenchOptions(args)).toThrow(expect.objectContaining({ code: 'BENCH_BAD_OPTION' }));
  });
});
