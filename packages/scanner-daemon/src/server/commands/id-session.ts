import type { PlainCommand } from './command.js';

/** IDSESSION: no reply; from here on every command has a number (behaviour 1.6). */
export const idSession: PlainCommand = () => 'sessionBegins';

/** END: no reply; the connection closes when everything is answered. Outside a session it is unknown. */
export const endSession: PlainCommand = () => 'sessionEnds';
