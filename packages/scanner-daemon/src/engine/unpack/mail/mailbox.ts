import { lineAt } from './mime-headers.js';

const FROM = Buffer.from('From ');
const LINE_WITH_FROM = Buffer.from('\nFrom ');

/** A stretch of a file. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** The messages of a mailbox, which begins with `From `, or the one mail that a file is. */
export function* splitMailbox(bytes: Buffer, from: number, mayContinue: () => boolean): Iterable<Stretch> {
  if (!bytes.subarray(from, from + FROM.length).equals(FROM)) {
    yield { start: from, end: bytes.length };
    return;
  }
  for (let start = from; start < bytes.length && mayContinue();) {
    const next = nextMessage(bytes, start);
    yield { start: lineAt(bytes, start, next).next, end: next };
    start = next;
  }
}

function nextMessage(bytes: Buffer, start: number): number {
  let at = bytes.indexOf(LINE_WITH_FROM, start);
  while (at !== -1) {
    const isBehindBlank = bytes[at - 1] === 0x0a || (bytes[at - 1] === 0x0d && bytes[at - 2] === 0x0a);
    if (isBehindBlank && at > start) return at + 1;
    at = bytes.indexOf(LINE_WITH_FROM, at + 1);
  }
  return bytes.length;
}
