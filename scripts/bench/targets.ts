import { loadCells, pingCells } from './daemon/daemon-cells.js';
import type { LoadCell } from './daemon/daemon-cells.js';
import type { BenchEngine } from './engine.js';
import { contenderNames, daemonMeasurements, onAccessMeasurements } from './results.js';
import type { ContenderName, Measurement, Results } from './results.js';

const pingP99MaxMs = 10;

/** What is asked of an engine, in times of what ClamAV's own programs do. */
interface EngineTargets {
  readonly oneOpenerTimes: number;
  readonly eightOpenersTimes: number;
  readonly firstPassTimes: number;
  readonly smallTimes: number;
  readonly judgesLargeFildes: boolean;
}

const engineTargets: Readonly<Record<BenchEngine, EngineTargets>> = {
  builtin: {
    ...{ oneOpenerTimes: 3, eightOpenersTimes: 8, firstPassTimes: 10 },
    ...{ smallTimes: 2, judgesLargeFildes: false },
  },
  // A scan takes both sides the same time: only what is around it can be faster.
  libclamav: {
    ...{ oneOpenerTimes: 1, eightOpenersTimes: 1, firstPassTimes: 5 },
    ...{ smallTimes: 1, judgesLargeFildes: true },
  },
};

/** Whether a target was met; "not measured" when a side is missing. */
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
 * Judges the targets of every kind of scenario that was measured at all. An uncached-open target wants both the p50 and the
 * rate to be that much better: openers that take turns can have a flattering p50 while the whole gets nowhere.
 */
export function judgeTargets(results: Results, engine: BenchEngine): readonly TargetOutcome[] {
  const targets = engineTargets[engine];
  const isMeasured = (measurements: readonly Measurement[]) =>
    measurements.some(({ key }) => contenderNames.some((name) => results.summary(key, name) !== undefined));
  return [
    ...(isMeasured(onAccessMeasurements) ? judgeOnAccess(results, targets) : []),
    ...(isMeasured(daemonMeasurements) ? judgeDaemon(results, targets) : []),
  ];
}

function judgeOnAccess(results: Results, targets: EngineTargets): readonly TargetOutcome[] {
  return [
    judgeOpens(results, 1, targets.oneOpenerTimes),
    judgeOpens(results, 8, targets.eightOpenersTimes),
    judgeFirstPass(results, targets.firstPassTimes),
    judgeSecondPass(results, 'root', 1.1),
    judgeSecondPass(results, 'user', 2),
  ];
}

/** Requests/s of small inputs, MB/s of INSTREAM, p99 of PING. 20 MB through FILDES has no target with our own engine. */
function judgeDaemon(
  results: Results,
  { smallTimes, judgesLargeFildes }: EngineTargets,
): readonly TargetOutcome[] {
  return [
    ...loadCells
      .filter(({ unit, command }) => unit === 'requests/s' || command === 'INSTREAM' || judgesLargeFildes)
      .map((cell) => judgeLoad(results, cell, cell.unit === 'requests/s' ? smallTimes : 1)),
    ...pingCells.filter(({ key }) => key !== 'daemon.ping.idle').map((cell) => judgePing(results, cell)),
  ];
}

function judgeLoad(results: Results, { key, label }: LoadCell, timesMin: number): TargetOutcome {
  const target =
    timesMin === 1 ? `${label}: not below clamd's rate` : `${label}: at least ${timesMin}x clamd's rate`;
  const times = timesBetter(results, key, 'higher');
  if (times === undefined) return { sentence: target, outcome: 'not measured' };
  return {
    sentence: `${target}: ${times.toFixed(2)}x`,
    outcome: times >= timesMin ? 'reached' : 'fell short',
  };
}

function judgePing(results: Results, { key, label }: (typeof pingCells)[number]): TargetOutcome {
  const target = `${label}: p99 at most ${pingP99MaxMs} ms`;
  const ours = results.summary(`${key}.p99`, 'portcullis');
  if (ours === undefined) return { sentence: target, outcome: 'not measured' };
  const theirs = results.summary(`${key}.p99`, 'clamav');
  const beside = theirs === undefined ? '' : ` (clamd ${theirs.median.toFixed(1)} ms)`;
  return {
    sentence: `${target}: ${ours.median.toFixed(1)} ms${beside}`,
    outcome: ours.median <= pingP99MaxMs ? 'reached' : 'fell short',
  };
}

function judgeOpens(results: Results, openers: number, times: number): TargetOutcome {
  const aim = times === 1 ? 'not slower than' : `at least ${times}x faster than`;
  const target = `uncached open, ${openers} opener${openers === 1 ? '' : 's'}, ${aim} clamonacc --fdpass`;
  const p50 = timesBetter(results, `open.${openers}.p50`, 'lower');
  const rate = timesBetter(results, `open.${openers}.rate`, 'higher');
  if (p50 === undefined || rate === undefined) return { sentence: target, outcome: 'not measured' };
  return {
    sentence: `${target}: p50 ${p50.toFixed(1)}x, rate ${rate.toFixed(1)}x`,
    outcome: Math.min(p50, rate) >= times ? 'reached' : 'fell short',
  };
}

function judgeFirstPass(results: Results, timesMin: number): TargetOutcome {
  const target = `first pass of a root-owned tree at least ${timesMin}x faster than clamonacc --fdpass`;
  const times = timesBetter(results, 'tree.root.1', 'lower');
  if (times === undefined) return { sentence: target, outcome: 'not measured' };
  return {
    sentence: `${target}: ${times.toFixed(1)}x`,
    outcome: times >= timesMin ? 'reached' : 'fell short',
  };
}

function judgeSecondPass(results: Results, owner: 'root' | 'user', timesMax: number): TargetOutcome {
  const target = `second pass of a ${owner}-owned tree at most ${timesMax}x the bare time`;
  const times = medianQuotient(results, `tree.${owner}.2`, { over: 'portcullis', under: 'bare' });
  if (times === undefined) return { sentence: target, outcome: 'not measured' };
  return {
    sentence: `${target}: ${times.toFixed(2)}x`,
    outcome: times <= timesMax ? 'reached' : 'fell short',
  };
}
