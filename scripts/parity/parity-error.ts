import { AppError } from '@portcullis/shared';

/** What can go wrong in a comparison; a difference is a result, not an error. */
export type ParityErrorCode =
  'PARITY_BAD_OPTION' | 'PARITY_NOT_READY' | 'PARITY_DAEMON_ENDED' | 'PARITY_INTERRUPTED';

/** A failure of the comparison itself or of one of the daemons. */
export class ParityError extends AppError<ParityErrorCode> {}
