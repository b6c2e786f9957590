import type { AnswerPair } from './verdicts.js';
import type { WholeTreeModeName } from './modes.js';

/**
 * Compares the lines of one command about a whole tree, with the paths in them. The order counts in CONTSCAN, where it is
 * that of the walk, and not in MULTISCAN (behaviour 1.10).
 *
 * @returns a sentence for each line that only one side has, or one for another order; empty when alike
 */
export function compareTreeLines(mode: WholeTreeModeName, { clamd, ours }: AnswerPair): readonly string[] {
  const silent = [
    ...(clamd.kind === 'noAnswer' ? [`clamd: (${clamd.why})`] : []),
    ...(ours.kind === 'noAnswer' ? [`ours: (${ours.why})`] : []),
  ];
  if (clamd.kind === 'noAnswer' || ours.kind === 'noAnswer') return silent;
  const onlyClamd = linesWithout(clamd.lines, ours.lines);
  const onlyOurs = linesWithout(ours.lines, clamd.lines);
  const differences = [
    ...onlyClamd.map((line) => `only clamd: ${line}`),
    ...onlyOurs.map((line) => `only ours: ${line}`),
  ];
  if (differences.length > 0 || mode === 'multiscan') return differences;
  const at = clamd.lines.findIndex((line, index) => line !== ours.lines[index]);
  if (at === -1) return [];
  return [
    `another order from line ${at + 1} on: clamd: ${clamd.lines[at] ?? ''} / ours: ${ours.lines[at] ?? ''}`,
  ];
}

/** Those of `lines` that `others` has not, or has less often. */
function linesWithout(lines: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}
