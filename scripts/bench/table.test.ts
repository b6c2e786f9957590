import { describe, expect, test } from '@jest/globals';
import type { BenchEngine } from './engine.js';
import { Results } from './results.js';
import { alignColumns, formatSummary } from './table-cells.js';
import { renderReport } from './table.js';
import { judgeTargets } from './targets.js';

function fill(values: readonly (readonly [string, 'bare' | 'portcullis' | 'clamav', number])[]): Results {
  const results = new Results();
  for (const [key, contender, value] of values) results.add(key, contender, value);
  return results;
}

const outcomesOf = (results: Results) => judgeTargets(results, 'builtin').map(({ outcome }) => outcome);

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
    expect(renderReport(results, 'builtin')).toBe(
      [
        '| measurement                         |    bare | Portcullis (builtin) | clamd + clamonacc | vs clamonacc | vs bare |',
        '|-------------------------------------|--------:|---------------------:|------------------:|-------------:|--------:|',
        '| uncached open, 1 opener: p50        | 2.00 µs |     120 µs [100-140] |            480 µs |        4.00x |   60.0x |',
        '| uncached open, 1 opener: rate       |       - |         8000 opens/s |      2000 opens/s |        4.00x |       - |',
        '| tree, 4 readers, root-owned: pass 2 |  0.25 s |               0.75 s |                 - |            - |   3.00x |',
        '',
        'reached       uncached open, 1 opener, at least 3x faster than clamonacc --fdpass: p50 4.0x, rate 4.0x',
        'not measured  uncached open, 8 openers, at least 8x faster than clamonacc --fdpass',
        'not measured  first pass of a root-owned tree at least 10x faster than clamonacc --fdpass',
        'fell short    second pass of a root-owned tree at most 1.1x the bare time: 3.00x',
        'not measured  second pass of a user-owned tree at most 2x the bare time',
        '',
        'note: clamav was tired',
      ].join('\n'),
    );
  });

  test('renderReport: with nothing measured it is empty', () => {
    expect(renderReport(new Results(), 'builtin')).toBe('');
  });

  test('renderReport: the daemons have a table of their own, with both CPU columns', () => {
    const key = 'daemon.small.INSTREAM.unix.1.connection';
    const report = renderReport(
      fill([
        [key, 'portcullis', 4000],
        [key, 'clamav', 1600],
        [`${key}.cpu`, 'portcullis', 150],
        [`${key}.cpu`, 'clamav', 600],
        [`${key}.generator`, 'portcullis', 40],
        ['daemon.rss.idle', 'portcullis', 90],
      ]),
      'libclamav',
    );
    expect(report.split('\n').slice(0, 5)).toEqual([
      '| daemon                        | scanner-daemon (libclamav) |           clamd | vs clamd | CPU of the daemon | CPU of the generator |',
      '|-------------------------------|---------------------------:|----------------:|---------:|------------------:|---------------------:|',
      '| 4 KiB INSTREAM Unix, 1 client |            4000 requests/s | 1600 requests/s |    2.50x |      150 / 600 µs |           40.0 / - % |',
      '| resident memory, idle         |                    90.0 MB |               - |        - |                   |                      |',
      '',
    ]);
    expect(report).toContain("reached       4 KiB INSTREAM Unix, 1 client: not below clamd's rate: 2.50x");
    expect(report).not.toContain('uncached open');
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

  test('judgeTargets: a first pass needs 10x; a second one may take 1.1 times the bare time, of user-owned files twice', () => {
    const results = fill([
      ['tree.root.1', 'clamav', 30],
      ['tree.root.1', 'portcullis', 3],
      ['tree.root.2', 'bare', 0.5],
      ['tree.root.2', 'portcullis', 0.55],
      ['tree.user.2', 'bare', 0.25],
      ['tree.user.2', 'portcullis', 0.51],
    ]);
    expect(outcomesOf(results).slice(2)).toEqual(['reached', 'reached', 'fell short']);
  });
});

test('judgeTargets: with libclamav a first pass needs 5x, and opens must not be slower', () => {
  const judge = (ours: number, passSeconds: number) =>
    judgeTargets(
      fill([
        ['open.1.p50', 'clamav', 1000],
        ['open.1.p50', 'portcullis', ours],
        ['open.1.rate', 'clamav', 1000],
        ['open.1.rate', 'portcullis', 1000],
        ['tree.root.1', 'clamav', 30],
        ['tree.root.1', 'portcullis', passSeconds],
      ]),
      'libclamav',
    );
  expect(judge(1000, 6).filter(({ outcome }) => outcome === 'reached')).toEqual([
    {
      outcome: 'reached',
      sentence: 'uncached open, 1 opener, not slower than clamonacc --fdpass: p50 1.0x, rate 1.0x',
    },
    {
      outcome: 'reached',
      sentence: 'first pass of a root-owned tree at least 5x faster than clamonacc --fdpass: 5.0x',
    },
  ]);
  expect(judge(1001, 6.01).map(({ outcome }) => outcome)).not.toContain('reached');
});

describe('judgeTargets of the daemon', () => {
  const outcomeOf = (values: Parameters<typeof fill>[0], label: string, engine: BenchEngine = 'builtin') =>
    judgeTargets(fill(values), engine).find(({ sentence }) => sentence.startsWith(label));
  const small = 'daemon.small.FILDES.unix.16.session';
  const large = 'daemon.large.INSTREAM.tcp.16';

  test('judgeTargets: small inputs need twice the rate, large streams the same rate', () => {
    const judge = (key: string, ours: number, label: string) =>
      outcomeOf(
        [
          [key, 'portcullis', ours],
          [key, 'clamav', 1000],
        ],
        label,
      )?.outcome;
    expect(judge(small, 2000, '4 KiB FILDES Unix, 16 clients, session')).toBe('reached');
    expect(judge(small, 1999, '4 KiB FILDES Unix, 16 clients, session')).toBe('fell short');
    expect(judge(large, 1000, '20 MB INSTREAM TCP, 16 clients')).toBe('reached');
    expect(judge(large, 999, '20 MB INSTREAM TCP, 16 clients')).toBe('fell short');
  });

  test("judgeTargets: PING has 10 ms whatever clamd needs, and clamd's figure stands beside it", () => {
    const key = 'daemon.ping.reload.p99';
    expect(outcomeOf([[key, 'portcullis', 10]], 'PING during reloads')?.outcome).toBe('reached');
    const slow = outcomeOf(
      [
        [key, 'portcullis', 10.1],
        [key, 'clamav', 44],
      ],
      'PING during reloads',
    );
    expect(slow).toEqual({
      outcome: 'fell short',
      sentence: 'PING during reloads: p99 at most 10 ms: 10.1 ms (clamd 44.0 ms)',
    });
    expect(outcomeOf([[key, 'clamav', 44]], 'PING during reloads')?.outcome).toBe('not measured');
  });

  test('judgeTargets: with libclamav every load, 20 MB by descriptor too, has to reach the rate of clamd', () => {
    for (const [key, label] of [
      [small, '4 KiB FILDES Unix, 16 clients, session'],
      [large, '20 MB INSTREAM TCP, 16 clients'],
      ['daemon.large.FILDES.unix.1', '20 MB FILDES Unix, 1 client'],
    ] as const) {
      const judge = (ours: number) =>
        outcomeOf(
          [
            [key, 'portcullis', ours],
            [key, 'clamav', 1000],
          ],
          label,
          'libclamav',
        )?.outcome;
      expect([label, judge(1000), judge(999)]).toEqual([label, 'reached', 'fell short']);
    }
  });

  test('judgeTargets: 12 rates, 4 streams and 2 PINGs are judged', () => {
    expect(judgeTargets(fill([['daemon.rss.idle', 'clamav', 50]]), 'builtin')).toHaveLength(18);
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
