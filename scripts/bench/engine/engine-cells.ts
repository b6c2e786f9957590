import type { Measurement } from '../results.js';

/** The shares of the signatures that are measured, in per cent. */
export const scalePercents = [1, 10, 100] as const;

/** What the sample of /usr and the small files are called in keys. */
export type ListName = 'mix' | 'small';

/** Every line the engine table can have, in print order. The keys are built by the files of this folder. */
export const engineMeasurements: readonly Measurement[] = [
  { key: 'engine.mix.core', label: 'files of /usr: MB per second of CPU', unit: 'MB/s', better: 'higher' },
  { key: 'engine.mix.clock', label: 'files of /usr: by the clock', unit: 'MB/s', better: 'higher' },
  {
    key: 'engine.small.core',
    label: 'small files: files per second of CPU',
    unit: 'files/s',
    better: 'higher',
  },
  { key: 'engine.small.clock', label: 'small files: by the clock', unit: 'files/s', better: 'higher' },
  ...scalePercents.map(
    (percent) =>
      ({
        key: `engine.scale.${percent}`,
        label: `${percent} % of the signatures: MB per second of CPU`,
        unit: 'MB/s',
        better: 'higher',
      }) as const,
  ),
  { key: 'engine.load.image', label: 'load: from the compiled image', unit: 's', better: 'lower' },
  { key: 'engine.load.cold', label: 'load: from the sources', unit: 's', better: 'lower' },
  {
    key: 'engine.memory.image',
    label: 'daemon from its image: growth from one signature',
    unit: 'MB',
    better: 'lower',
  },
  {
    key: 'engine.memory.cold',
    label: 'daemon from the sources: growth from one signature',
    unit: 'MB',
    better: 'lower',
  },
  { key: 'engine.many.load', label: '8,000,000 hashes: load from the sources', unit: 's', better: 'lower' },
  {
    key: 'engine.many.bytes',
    label: '8,000,000 hashes: each beside its name',
    unit: 'bytes',
    better: 'lower',
  },
  {
    key: 'engine.many.resident',
    label: '8,000,000 hashes: growth of resident memory',
    unit: 'MB',
    better: 'lower',
  },
];
