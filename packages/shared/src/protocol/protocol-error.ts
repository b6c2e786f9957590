import { AppError } from '../errors/app-error.js';

/** Why a command cannot be put on the wire. */
export type ProtocolErrorCode = 'PATH_HAS_NUL' | 'COMMAND_TOO_LONG';

/** A command that clamd could not read, refused before anything of it is sent. */
export class ProtocolError extends AppError<ProtocolErrorCode> {}
