import { runOpeners } from '../openers/run-openers.js';
import { planMixedTree } from '../tree-plan.js';
import type { MixedTreeSize } from '../tree-plan.js';
import { makeTree } from '../trees.js';
import type { TreeOwner } from '../trees.js';
import type { Scenario } from './scenario.js';

const readerCount = 4;

/**
 * Two passes of 4 readers over one tree. clamonacc keeps no verdict, so the owner is nothing to it: it reads the
 * root-owned tree only, and as often as `clamavRepetitions` says, a pass taking it half a minute.
 */
export function createTreePasses(size: MixedTreeSize, owner: TreeOwner, clamavRepetitions: number): Scenario {
  const repetitionsOfClamav = owner === 'root' ? clamavRepetitions : 0;
  return {
    name: `tree-passes (${owner}-owned)`,
    repetitionsOf: (contender, repetitions) =>
      contender === 'clamav' ? Math.min(repetitionsOfClamav, repetitions) : repetitions,
    prepare(watchedDirectory, repetition) {
      const tree = makeTree(watchedDirectory, planMixedTree('tree', size, repetition + 1), owner);
      return {
        directories: tree.directories,
        async measure(context) {
          const first = await runOpeners(context, 'read-tree', tree.files, readerCount);
          const second = await runOpeners(context, 'read-tree', tree.files, readerCount);
          return [
            { key: `tree.${owner}.1`, value: first.elapsedMs / 1000 },
            { key: `tree.${owner}.2`, value: second.elapsedMs / 1000 },
          ];
        },
      };
    },
  };
}
