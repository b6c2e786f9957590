import { expect, test } from '@jest/globals';
import { isolationCells } from './daemon/isolation-cells.js';
import { isolationSamples } from './daemon/isolation-cells.js';
import { renderIsolationTable } from './isolation-table.js';
import { Results } from './results.js';

test('isolationCells: one client and sixteen, by descriptor over a session', () => {
  expect(isolationCells.map(({ key, shows }) => `${key} ${shows}`)).toEqual([
    'isolation.1 time',
    'isolation.16 rate',
  ]);
  for (const { load } of isolationCells)
    expect(load).toMatchObject({ command: 'FILDES', framing: 'session', sizeBytes: 4096 });
});

test('isolationSamples: a rate of one client becomes the time of a scan, that of sixteen stays, CPU time comes along', () => {
  const [one, sixteen] = isolationCells;
  if (one === undefined || sixteen === undefined) throw new Error('two cells are missing');
  const samplesOf = (key: string) => [
    { key, value: 1000 },
    { key: `${key}.cpu`, value: 900 },
    { key: `${key}.generator`, value: 12 },
  ];
  expect(isolationSamples(one, samplesOf(one.load.key))).toEqual([
    { key: 'isolation.1', value: 1000 },
    { key: 'isolation.1.cpu', value: 900 },
  ]);
  expect(isolationSamples(one, [{ key: one.load.key, value: 1250 }])).toEqual([
    { key: 'isolation.1', value: 800 },
  ]);
  expect(isolationSamples(sixteen, [{ key: sixteen.load.key, value: 1250 }])).toEqual([
    { key: 'isolation.16', value: 1250 },
  ]);
});

test('renderIsolationTable: prints both sides and what isolation adds, and nothing where nothing was measured', () => {
  const results = new Results();
  expect(renderIsolationTable(results)).toEqual([]);
  for (const value of [1040, 1060, 1050]) results.add('isolation.1', 'portcullis', value);
  results.add('isolation.1', 'not-isolated', 1000);
  results.add('isolation.16', 'portcullis', 1900);
  results.add('isolation.16', 'not-isolated', 2000);
  results.add('isolation.rss', 'portcullis', 200);
  expect(renderIsolationTable(results).join('\n').split('\n')).toEqual([
    '| cost of isolation                                   |            isolated |    not isolated |                difference |',
    '|-----------------------------------------------------|--------------------:|----------------:|--------------------------:|',
    '| 4 KiB FILDES Unix, 1 client, session: time per scan | 1050 µs [1040-1060] |         1000 µs |        +50.0 µs (+5.00 %) |',
    '| 4 KiB FILDES Unix, 16 clients, session: rate        |     1900 requests/s | 2000 requests/s | -100 requests/s (-5.00 %) |',
    '| resident memory afterwards                          |              200 MB |               - |                         - |',
  ]);
});
