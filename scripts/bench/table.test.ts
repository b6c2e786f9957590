import { describe, expect, test } from '@jest/globals';
import { Results } from './results.js';
import { alignColumns, formatSummary, renderReport } from './table.js';
import { judgeTargets } from './targets.js';

function fill(values: readonly (readonly [string, 'bare' | 'portcullis' | 'clamav', number])[]): Results {
  const results = new Results();
  for (const [key, contender, value] of values) results.add(key, contender, value);
  return results;
}

const outcomesOf = (results: Results) => judgeTargets(results).map(({ outcome }) => outcome);

describe('renderReport', () => {
  test('renderReport: prints medians, spread, both ratios, targets and notes', () => {
    const results = fill([
      ['open.1.p50', 'bare', 2],
      ['open.1.p50', 'portcullis', 100],
      ['open.1.p50', 'portcullis', 140],
      ['open.1.p50', 'portcullis', 120],
      ['open.1.p50', 'clamav', 480],
      ['open.1.rate', 'portcullis', 8000],
      ['open.1.rate', 'clamav', 2000],
      ['tree.root.2', 'bare', 0.25],
      ['tree.root.2', 'portcullis', 0.75],
    ]);
    results.note('clamav was tired');
    results.note('clamav was tired');
    expect(renderReport(results)).toBe(
      [
        '| measurement                         |    bare |       Portcullis | clamd + clamonacc | vs clamonacc | vs bare |',
        '|-------------------------------------|--------:|-----------------:|------------------:|-------------:|--------:|',
        '| uncached open, 1 opener: p50        | 2.00 µs | 120 µs [100-140] |            480 µs |        4.00x |   60.0x |',
        '| uncached open, 1 opener: rate       |       - |     8000 opens/s |      2000 opens/s |        4.00x |       - |',
        '| tree, 4 readers, root-owned: pass 2 |  0.25 s |           0.75 s |                 - |            - |   3.00x |',
        '',
        'reached       uncached open, 1 opener, at least 3x faster than clamonacc --fdpass: p50 4.0x, rate 4.0x',
        'not measured  uncached open, 8 openers, at least 8x faster than clamonacc --fdpass',
        'fell short    second pass of a root-owned tree at most 2x the bare time: 3.00x',
        'not measured  second pass of a user-owned tree at most 2x the bare time',
        '',
        'note: clamav was tired',
      ].join('\n'),
    );
  });

  test('renderReport: with nothing measured it is a heading and four targets', () => {
    expect(renderReport(new Results()).match(/not measured/g)).toHaveLength(4);
  });
});

describe('judgeTargets', () => {
  const opens = (openers: number, p50: number, rate: number) =>
    fill([
      [`open.${openers}.p50`, 'clamav', 1000],
      [`open.${openers}.p50`, 'portcullis', p50],
      [`open.${openers}.rate`, 'clamav', 1000],
      [`open.${openers}.rate`, 'portcullis', rate],
    ]);

  test('judgeTargets: 8 openers need 8x in the p50 and in the rate', () => {
    expect(outcomesOf(opens(8, 125, 8000))[1]).toBe('reached');
    expect(outcomesOf(opens(8, 126, 9000))[1]).toBe('fell short');
    expect(outcomesOf(opens(8, 10, 7999))[1]).toBe('fell short');
  });

  test('judgeTargets: 1 opener needs 3x', () => {
    expect(outcomesOf(opens(1, 333, 3000))[0]).toBe('reached');
    expect(outcomesOf(opens(1, 334, 3000))[0]).toBe('fell short');
  });

  test('judgeTargets: a second pass may take exactly twice the bare time, each owner judged by itself', () => {
    const results = fill([
      ['tree.root.2', 'bare', 0.25],
      ['tree.root.2', 'portcullis', 0.5],
      ['tree.user.2', 'bare', 0.25],
      ['tree.user.2', 'portcullis', 0.51],
    ]);
    expect(outcomesOf(results).slice(2)).toEqual(['reached', 'fell short']);
  });
});

describe('formatting', () => {
  test('formatSummary: says "-" for no value and shows no spread for one', () => {
    expect(formatSummary(undefined, 's')).toBe('-');
    expect(formatSummary({ median: 12.345, min: 12.345, max: 12.345, count: 1 }, 's')).toBe('12.3 s');
    expect(formatSummary({ median: 1234.5, min: 99.96, max: 2000, count: 3 }, 'µs')).toBe(
      '1235 µs [100.0-2000]',
    );
  });

  test('alignColumns: missing cells are blank, every line is equally wide', () => {
    const lines = alignColumns([['a', 'b'], ['long cell'], ['x', 'wide']]).split('\n');
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    expect(lines).toHaveLength(4);
  });
});
