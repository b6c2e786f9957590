import { expect, test } from '@jest/globals';
import type { OpenEngine } from './engine-contender.js';
import { differences, measureEngine } from './measure-engine.js';
import type { EngineDatabases } from './measure-engine.js';
import type { FileList } from './prepare-lists.js';

const list = (path: string, fileCount: number, totalBytes: number): FileList => ({
  path,
  withWarmUpPath: `${path}+`,
  fileCount,
  totalBytes,
});
const lists = {
  mix: list('mix', 10, 4e6),
  small: list('small', 3000, 1e6),
  scale: list('scale', 5, 2e6),
  nearlyEmpty: list('empty', 1, 1),
  warmUp: list('warm', 2, 2),
};
const databases: EngineDatabases = {
  whole: 'whole',
  shares: new Map([
    [1, 'share-1'],
    [10, 'share-10'],
  ]),
  oneSignature: 'one',
  many: undefined,
};

test('measureEngine: makes rates of what a side took, with the database that belongs to each', async () => {
  const asked: string[] = [];
  const engine: OpenEngine = {
    load: (database) => Promise.resolve([{ key: 'engine.load.cold', value: database === 'whole' ? 2 : 0 }]),
    scan: (database, { path }) => {
      asked.push(`${database} ${path}`);
      return Promise.resolve({ cpuMs: 500, wallMs: 1000, found: [`${path}: X FOUND`] });
    },
    loadMany: () => Promise.resolve([{ key: 'engine.many.load', value: 1 }]),
  };
  const turn = await measureEngine(engine, { lists, databases });
  expect(asked).toEqual(['whole mix', 'whole small', 'share-1 scale', 'share-10 scale', 'whole scale']);
  expect(Object.fromEntries(turn.samples.map(({ key, value }) => [key, value]))).toEqual({
    'engine.load.cold': 2,
    'engine.mix.core': 8,
    'engine.mix.clock': 4,
    'engine.small.core': 6000,
    'engine.small.clock': 3000,
    'engine.scale.1': 4,
    'engine.scale.10': 4,
    'engine.scale.100': 4,
  });
  expect(turn.found.get('small')).toEqual(['small: X FOUND']);
  const many = { database: 'many', count: 7 };
  const withMany = await measureEngine(engine, { lists, databases: { ...databases, many } });
  expect(withMany.samples).toContainEqual({ key: 'engine.many.load', value: 1 });
});

test('differences: names the file, the signature and the side; none where both found the same', () => {
  expect(differences(['/a: X FOUND'], ['/a: X FOUND'])).toEqual([]);
  expect(differences(['/a: X FOUND', '/b: Y FOUND'], ['/a: Z FOUND'])).toEqual([
    'only ours: /a: X FOUND',
    'only ours: /b: Y FOUND',
    'only clamscan: /a: Z FOUND',
  ]);
});
