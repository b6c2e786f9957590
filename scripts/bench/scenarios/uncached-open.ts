import { runOpeners } from '../openers/run-openers.js';
import type { GroupReport } from '../openers/run-openers.js';
import { percentile } from '../statistics.js';
import { planSmallFiles } from '../tree-plan.js';
import { makeTree } from '../trees.js';
import type { Sample, Scenario } from './scenario.js';

/** How many files each part opens; each file once in its life. */
export interface UncachedOpenSize {
  readonly warmUpFiles: number;
  readonly filesOfOneOpener: number;
  readonly filesOfEightOpeners: number;
}

/**
 * Opens of small clean files nobody has opened before: by 1 opener, then by 8 at once. The warm-up is for
 * just-in-time compilers and connections; no file of it is opened again.
 */
export function createUncachedOpen(size: UncachedOpenSize): Scenario {
  return {
    name: 'uncached-open',
    repetitionsOf: (_, repetitions) => repetitions,
    prepare(watchedDirectory, repetition) {
      const make = (name: string, fileCount: number, part: number) =>
        makeTree(watchedDirectory, planSmallFiles(name, fileCount, repetition * 10 + part), 'root');
      const warmUp = make('warm-up', size.warmUpFiles, 1);
      const one = make('one', size.filesOfOneOpener, 2);
      const eight = make('eight', size.filesOfEightOpeners, 3);
      return {
        directories: [warmUp, one, eight].flatMap(({ directories }) => directories),
        async measure(context) {
          await runOpeners(context, 'open-files', warmUp.files, 2);
          const oneReport = await runOpeners(context, 'open-files', one.files, 1);
          const eightReport = await runOpeners(context, 'open-files', eight.files, 8);
          return [...openSamples(1, oneReport), ...openSamples(8, eightReport)];
        },
      };
    },
  };
}

function openSamples(openers: number, { elapsedMs, latenciesNs }: GroupReport): readonly Sample[] {
  return [
    { key: `open.${openers}.p50`, value: percentile(latenciesNs, 0.5) / 1000 },
    { key: `open.${openers}.p99`, value: percentile(latenciesNs, 0.99) / 1000 },
    { key: `open.${openers}.rate`, value: (latenciesNs.length / elapsedMs) * 1000 },
  ];
}
