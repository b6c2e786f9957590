import type { Reply } from './reply.js';

/** A reply line taken apart. */
export interface ReplyLine {
  readonly sessionId?: number;
  readonly reply: Reply;
}

/** More digits than this cannot stand for a number that is kept exactly. */
const SESSION_ID = /^(0|[1-9]\d{0,15}): /;
/** The names of FILDES and INSTREAM replies hold no colon, so they end at the first one, whatever follows. */
const SCAN_NAME = /^(?:fd\[\d{1,10}\]|stream): /;
/** Errors about the command whose sentence has a colon in it (behaviour 1.11). */
const BARE_ERROR = /^(?:PROTOCOL ERROR|ENGINE VERSION MISMATCH): /;

/**
 * Takes one reply apart, without its terminator (behaviour 1.4).
 *
 * A verdict is told by the end of the line, which a file name cannot reach: `: OK`, ` FOUND`, ` ERROR`. The name ends
 * at the last colon with a space behind it (4.4, 5.1), so an error text with such a colon (`File path check
 * failure: …`) leaves its head in the name. Only an exact `OK` is clean; what is not understood is a `word`.
 *
 * Outside a session a relative path such as `12: x` looks like an id; absolute paths cannot.
 */
export function parseReply(line: string): ReplyLine {
  const match = SESSION_ID.exec(line);
  const sessionId = Number(match?.[1] ?? Number.NaN);
  if (match === null || !Number.isSafeInteger(sessionId)) return { reply: parseBody(line) };
  return { sessionId, reply: parseBody(line.slice(match[0].length)) };
}

function parseBody(text: string): Reply {
  const nameEnd = findNameEnd(text);
  const name = text.slice(0, Math.max(0, nameEnd));
  const said = nameEnd === -1 ? text : text.slice(nameEnd + 2);
  if (text.endsWith(' ERROR')) {
    const message = said.slice(0, -' ERROR'.length);
    return nameEnd === -1 ? { kind: 'error', message } : { kind: 'error', name, message };
  }
  if (nameEnd !== -1 && text.endsWith(' FOUND')) {
    return { kind: 'infected', name, signatureName: said.slice(0, -' FOUND'.length) };
  }
  if (nameEnd !== -1 && said === 'OK') return { kind: 'clean', name };
  return { kind: 'word', text };
}

/** Where the colon behind the name stands; `-1` when the line is about no file. */
function findNameEnd(text: string): number {
  const scanName = SCAN_NAME.exec(text);
  if (scanName !== null) return scanName[0].length - 2;
  return BARE_ERROR.test(text) ? -1 : text.lastIndexOf(': ');
}
