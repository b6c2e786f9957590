import type { ContenderName, Results } from './results.js';

/** Whether a target of the benchmark issue was met; "not measured" when a side is missing. */
export interface TargetOutcome {
  readonly sentence: string;
  readonly outcome: 'reached' | 'fell short' | 'not measured';
}

/** How many times better Portcullis' median is than clamonacc's; 1 means equal, below 1 worse. */
export function timesBetter(results: Results, key: string, better: 'lower' | 'higher'): number | undefined {
  const quotient = medianQuotient(results, key, { over: 'clamav', under: 'portcullis' });
  if (quotient === undefined) return undefined;
  return better === 'lower' ? quotient : 1 / quotient;
}

/** The median of one contender divided by that of another. */
export function medianQuotient(
  results: Results,
  key: string,
  sides: { readonly over: ContenderName; readonly under: ContenderName },
): number | undefined {
  const over = results.summary(key, sides.over);
  const under = results.summary(key, sides.under);
  return over === undefined || under === undefined || under.median === 0
    ? undefined
    : over.median / under.median;
}

/**
 * Judges the four targets. An uncached-open target wants both the p50 and the rate to be that much better:
 * openers that take turns can have a flattering p50 while the whole gets nowhere.
 */
export function judgeTargets(results: Results): readonly TargetOutcome[] {
  return [
    judgeOpens(results, 1, 3),
    judgeOpens(results, 8, 8),
    judgeSecondPass(results, 'root'),
    judgeSecondPass(results, 'user'),
  ];
}

function judgeOpens(results: Results, openers: number, times: number): TargetOutcome {
  const target = `uncached open, ${openers} opener${openers === 1 ? '' : 's'}, at least ${times}x faster than clamonacc --fdpass`;
  const p50 = timesBetter(results, `open.${openers}.p50`, 'lower');
  const rate = timesBetter(results, `open.${openers}.rate`, 'higher');
  if (p50 === undefined || rate === undefined) return { sentence: target, outcome: 'not measured' };
  return {
    sentence: `${target}: p50 ${p50.toFixed(1)}x, rate ${rate.toFixed(1)}x`,
    outcome: Math.min(p50, rate) >= times ? 'reached' : 'fell short',
  };
}

function judgeSecondPass(results: Results, owner: 'root' | 'user'): TargetOutcome {
  const target = `second pass of a ${owner}-owned tree at most 2x the bare time`;
  const times = medianQuotient(results, `tree.${owner}.2`, { over: 'portcullis', under: 'bare' });
  if (times === undefined) return { sentence: target, outcome: 'not measured' };
  return { sentence: `${target}: ${times.toFixed(2)}x`, outcome: times <= 2 ? 'reached' : 'fell short' };
}
