import { AppError, messageOf } from '@portcullis/shared';

/** What can go wrong in a benchmark run. */
export type BenchErrorCode =
  | 'BENCH_BAD_OPTION'
  | 'BENCH_NOT_ROOT'
  | 'BENCH_CHILD_FAILED'
  | 'BENCH_NOT_READY'
  | 'BENCH_NOT_PROTECTING'
  | 'BENCH_INTERRUPTED'
  | 'BENCH_BAD_DIRECTORY';

/** A failure of the benchmark itself or of a contender; a slow contender is a result, not an error. */
export class BenchError extends AppError<BenchErrorCode> {}

/** The text of anything thrown, for a note under the table. */
export function describeFailure(failure: unknown): string {
  return messageOf(failure);
}

/** Tells an interruption, which ends the whole run, from the failure of one contender, which ends only its row. */
export function isInterruption(failure: unknown): boolean {
  return failure instanceof BenchError && failure.code === 'BENCH_INTERRUPTED';
}
