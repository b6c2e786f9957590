import { AppError } from '@portcullis/shared';

export type ListenErrorCode =
  'SOCKET_IN_USE' | 'SOCKET_EXISTS' | 'SOCKET_FAILED' | 'UNKNOWN_GROUP' | 'UNKNOWN_ADDRESS' | 'NOT_LISTENING';

/** The daemon cannot listen where it was told to. The message is clamd's own text, without `ERROR: ` (behaviour 2.5). */
export class ListenError extends AppError<ListenErrorCode> {}
