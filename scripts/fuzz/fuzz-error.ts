import { AppError } from '@portcullis/shared';

/** What can end a fuzz run early, and what it looks for: a broken invariant. */
export type FuzzErrorCode = 'FUZZ_BAD_OPTION' | 'FUZZ_INVARIANT_BROKEN' | 'FUZZ_DAEMON_NOT_READY';

/** A finding, or why there could be none. */
export class FuzzError extends AppError<FuzzErrorCode> {}

/** @throws FuzzError FUZZ_INVARIANT_BROKEN, unless it holds */
export function demand(holds: boolean, invariant: string): asserts holds {
  if (!holds) throw new FuzzError('FUZZ_INVARIANT_BROKEN', `not so: ${invariant}`);
}
