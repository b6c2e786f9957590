import { AppError } from '@portcullis/shared';

/** Why a database could not be loaded. Each code stands for one of ClamAV's texts (behaviour 1.11). */
export type DatabaseErrorCode =
  /** The directory or a file in it cannot be looked at: `Can't get file status`. */
  | 'DATABASE_NOT_FOUND'
  /** The directory holds no database file: `Can't open file or directory`. */
  | 'DATABASE_EMPTY'
  /** A file cannot be read or is over the bound: `Can't open file or directory`. */
  | 'DATABASE_UNREADABLE'
  /** A line or a file is not what its format says: `Malformed database`. */
  | 'DATABASE_MALFORMED'
  /** A hash has a length that no algorithm has: `Invalid argument passed to function`. */
  | 'DATABASE_INVALID_HASH'
  /** A file that calls itself a container has no header: `Broken or not a CVD file`. */
  | 'DATABASE_NOT_A_CONTAINER'
  /** The content of a signed container is not what was signed: `Can't verify database integrity`. */
  | 'DATABASE_NOT_VERIFIED'
  /** There is nothing behind the header of a container: `Bad format or broken data`. */
  | 'DATABASE_BROKEN';

/** ClamAV's own sentence for each code, for log lines and replies. */
export const DATABASE_ERROR_TEXT: Readonly<Record<DatabaseErrorCode, string>> = {
  DATABASE_NOT_FOUND: "Can't get file status",
  DATABASE_EMPTY: "Can't open file or directory",
  DATABASE_UNREADABLE: "Can't open file or directory",
  DATABASE_MALFORMED: 'Malformed database',
  DATABASE_INVALID_HASH: 'Invalid argument passed to function',
  DATABASE_NOT_A_CONTAINER: 'Broken or not a CVD file',
  DATABASE_NOT_VERIFIED: "Can't verify database integrity",
  DATABASE_BROKEN: 'Bad format or broken data',
};

/** A database that cannot be loaded. `context.path`, and `context.line` (from 1) where a line is to blame. */
export class DatabaseError extends AppError<DatabaseErrorCode> {}

/** With ClamAV's sentence for the code. */
export function databaseError(
  code: DatabaseErrorCode,
  context: Readonly<Record<string, string | number>>,
  cause?: unknown,
): DatabaseError {
  return new DatabaseError(code, DATABASE_ERROR_TEXT[code], { context, cause });
}
