import { formatNumber } from '../table-cells.js';
import type { Results } from '../results.js';
import { timesBetter } from '../targets.js';
import type { TargetOutcome } from '../targets.js';
import { engineMeasurements } from './engine-cells.js';

/** How many times better than libclamav a line has to be. */
const timesTargets: readonly { readonly key: string; readonly timesMin: number; readonly text: string }[] = [
  {
    key: 'engine.mix.core',
    timesMin: 5,
    text: "files of /usr: at least 5x libclamav's MB per second of CPU",
  },
  {
    key: 'engine.small.core',
    timesMin: 5,
    text: "small files: at least 5x libclamav's files per second of CPU",
  },
  { key: 'engine.load.image', timesMin: 5, text: "load from the image: at least 5x faster than libclamav's" },
  { key: 'engine.load.cold', timesMin: 1, text: "load from the sources: not slower than libclamav's" },
  {
    key: 'engine.memory.image',
    timesMin: 2,
    text: "growth of the daemon from its image: at most half of clamd's",
  },
  {
    key: 'engine.memory.cold',
    timesMin: 2,
    text: "growth of the daemon from the sources: at most half of clamd's",
  },
];

/** What a figure of ours may be at most. */
const maxTargets: readonly { readonly key: string; readonly max: number; readonly text: string }[] = [
  { key: 'engine.many.bytes', max: 24, text: '8,000,000 hashes: at most 24 bytes each beside the names' },
  { key: 'engine.many.load', max: 30, text: '8,000,000 hashes: loaded within 30 s' },
];

/** The rate with all signatures may be this much of the rate with one per cent of them, at the least. */
const scaleShareMin = 0.5;

/** Judges the targets of the engine alone; none when it was not measured. */
export function judgeEngineTargets(results: Results): readonly TargetOutcome[] {
  const isMeasured = engineMeasurements.some(({ key }) => ours(results, key) !== undefined);
  if (!isMeasured) return [];
  return [
    ...timesTargets.map((target) => judgeTimes(results, target)),
    ...maxTargets
      .filter(({ key }) => ours(results, key) !== undefined)
      .map((target) => judgeMax(results, target)),
    judgeScale(results),
  ];
}

function judgeTimes(results: Results, { key, timesMin, text }: (typeof timesTargets)[number]): TargetOutcome {
  const better = engineMeasurements.find((row) => row.key === key)?.better ?? 'lower';
  const times = timesBetter(results, key, better);
  if (times === undefined) return { sentence: text, outcome: 'not measured' };
  return {
    sentence: `${text}: ${formatNumber(times)}x`,
    outcome: times >= timesMin ? 'reached' : 'fell short',
  };
}

function judgeMax(results: Results, { key, max, text }: (typeof maxTargets)[number]): TargetOutcome {
  const figure = ours(results, key);
  if (figure === undefined) return { sentence: text, outcome: 'not measured' };
  return { sentence: `${text}: ${formatNumber(figure)}`, outcome: figure <= max ? 'reached' : 'fell short' };
}

function judgeScale(results: Results): TargetOutcome {
  const text = `MB per second with all signatures: at least ${scaleShareMin * 100} % of that with 1 % of them`;
  const few = ours(results, 'engine.scale.1');
  const all = ours(results, 'engine.scale.100');
  if (few === undefined || all === undefined) return { sentence: text, outcome: 'not measured' };
  return {
    sentence: `${text}: ${formatNumber((all / few) * 100)} %`,
    outcome: all / few >= scaleShareMin ? 'reached' : 'fell short',
  };
}

function ours(results: Results, key: string): number | undefined {
  return results.summary(key, 'portcullis')?.median;
}
