import { expect, test } from '@jest/globals';
import { planRuns } from './run-plan.js';

test('planRuns: each second repetition runs in reverse order', () => {
  const runs = planRuns(['bare', 'portcullis', 'clamav'], 3, () => 3);
  expect(runs.map(({ contender }) => contender).join(' ')).toBe(
    'bare portcullis clamav clamav portcullis bare bare portcullis clamav',
  );
  expect(runs.map(({ repetition }) => repetition)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
});

test('planRuns: a contender with fewer repetitions takes part in the first ones only', () => {
  const runs = planRuns(['bare', 'clamav'], 2, (contender) => (contender === 'clamav' ? 1 : 2));
  expect(runs.map(({ contender }) => contender)).toEqual(['bare', 'clamav', 'bare']);
  expect(planRuns(['clamav'], 2, () => 0)).toEqual([]);
});
