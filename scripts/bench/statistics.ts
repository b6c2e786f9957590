/** The middle of repeated measurements and how far they lie apart. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** How many measurements there were, at least 1. */
  readonly count: number;
}

/**
 * Nearest-rank percentile: the smallest value that at least `fraction` of all values do not exceed.
 *
 * @param sorted - ascending, at least one value
 * @param fraction - above 0, at most 1 (0.99 for p99)
 * @throws RangeError for an empty list or a fraction out of range (a bug of the caller)
 */
export function percentile(sorted: ArrayLike<number>, fraction: number): number {
  if (!(fraction > 0 && fraction <= 1)) throw new RangeError(`percentile of fraction ${fraction}`);
  const value = sorted[Math.ceil(fraction * sorted.length) - 1];
  if (value === undefined) throw new RangeError('percentile of no values');
  return value;
}

/**
 * Median (mean of the two middle values when even), minimum and maximum.
 *
 * @returns undefined when there is nothing to summarise
 */
export function summarise(values: readonly number[]): Summary | undefined {
  const sorted = Float64Array.from(values).sort();
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  const min = sorted[0];
  const max = sorted[sorted.length - 1];
  if (upper === undefined || lower === undefined || min === undefined || max === undefined) return undefined;
  return { median: (lower + upper) / 2, min, max, count: sorted.length };
}
