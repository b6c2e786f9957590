import type { ContenderName } from './results.js';

/** One run of one contender. */
export interface PlannedRun {
  readonly repetition: number;
  readonly contender: ContenderName;
}

/**
 * Every contender once per repetition, each second repetition in reverse order, so that a machine that grows
 * slower or faster during the run does so for all of them alike.
 *
 * @param repetitionsOf - how often each contender runs, at most `repetitions`
 */
export function planRuns(
  contenders: readonly ContenderName[],
  repetitions: number,
  repetitionsOf: (contender: ContenderName) => number,
): readonly PlannedRun[] {
  return Array.from({ length: repetitions }, (_, repetition) => {
    const order = repetition % 2 === 0 ? contenders : contenders.toReversed();
    return order
      .filter((contender) => repetition < repetitionsOf(contender))
      .map((contender) => ({ repetition, contender }));
  }).flat();
}
