import { expect, test } from '@jest/globals';
import { Results } from '../results.js';
import { renderReport } from '../table.js';
import { judgeEngineTargets } from './engine-targets.js';

function resultsOf(values: Readonly<Record<string, readonly [number, number?]>>): Results {
  const results = new Results();
  for (const [key, [ours, theirs]] of Object.entries(values)) {
    results.add(key, 'portcullis', ours);
    if (theirs !== undefined) results.add(key, 'clamav', theirs);
  }
  return results;
}

const outcomeOf = (results: Results, beginning: string) =>
  judgeEngineTargets(results).find(({ sentence }) => sentence.startsWith(beginning));

test('judgeEngineTargets: says nothing when the engine was not measured', () => {
  expect(judgeEngineTargets(new Results())).toEqual([]);
});

test('judgeEngineTargets: higher rates and lower times are better', () => {
  const results = resultsOf({
    'engine.mix.core': [150, 30],
    'engine.load.image': [0.3, 1.2],
    'engine.memory.image': [20, 40],
  });
  expect(outcomeOf(results, 'files of /usr')).toEqual({
    sentence: "files of /usr: at least 5x libclamav's MB per second of CPU: 5.00x",
    outcome: 'reached',
  });
  expect(outcomeOf(results, 'load from the image')).toMatchObject({ outcome: 'fell short' });
  expect(outcomeOf(results, 'growth of the daemon from its image')).toMatchObject({ outcome: 'reached' });
  expect(outcomeOf(results, 'load from the sources')).toMatchObject({ outcome: 'not measured' });
  expect(outcomeOf(results, '8,000,000 hashes')).toBeUndefined();
});

test('judgeEngineTargets: the many hashes and the share of the rate have figures of their own', () => {
  const results = resultsOf({
    'engine.many.bytes': [24.5],
    'engine.scale.1': [100, 30],
    'engine.scale.100': [80, 30],
  });
  expect(outcomeOf(results, '8,000,000 hashes: at most 24 bytes')).toMatchObject({ outcome: 'fell short' });
  expect(outcomeOf(results, 'MB per second with all signatures')).toMatchObject({
    sentence: expect.stringMatching(/: 80\.0 %$/),
    outcome: 'reached',
  });
});

test('renderReport: the engine alone has a table of its own', () => {
  const report = renderReport(resultsOf({ 'engine.small.core': [9000, 1500] }), 'builtin');
  expect(report).toContain('| engine alone ');
  expect(report).toMatch(
    /small files: files per second of CPU \| +9000 files\/s \| +1500 files\/s \| +6\.00x \|/,
  );
});
