import { AppError } from '@portcullis/shared';

/** The daemon cannot start. `exitCode` and the message are clamd's (behaviour 2.2, 2.3), without `ERROR: `. */
export class StartError extends AppError<
  | 'LOG_FILE'
  | 'PID_FILE'
  | 'ACCOUNT'
  | 'RUN_DIRECTORY'
  | 'TEMPORARY_DIRECTORY'
  | 'ENGINE'
  | 'DATABASE'
  | 'EXCLUDE_PATH'
  | 'SERVER_TYPE'
> {
  get exitCode(): number {
    return this.code === 'PID_FILE' ? 2 : 1;
  }
}
