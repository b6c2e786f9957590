import { lineAt } from './mime-headers.js';
import type { Stretch } from './mailbox.js';

const HEADER = /^content-(?:transfer-encoding|type): (?!text\/)/i;
/** What makes a file that begins with it a mail. */
const FIRST_HEADER = Buffer.from('Received: by portcullis (bounce)\n');
const LINE_MAX_BYTES = 200;

/**
 * A mail that came back and stands in the text of another one: from the block of lines that holds the first header
 * about an encoding or a type on, made a mail of its own (clamscan 1.4.6 does so with the text of a mail itself).
 */
export function findBounced(bytes: Buffer, { start, end }: Stretch): Buffer | undefined {
  let blockStart = start;
  for (let at = start; at < end;) {
    const line = lineAt(bytes, at, end);
    if (line.end === at) blockStart = line.next;
    else if (isBodyHeader(bytes, at, line.end))
      return Buffer.concat([FIRST_HEADER, bytes.subarray(blockStart, end)]);
    at = line.next;
  }
  return undefined;
}

function isBodyHeader(bytes: Buffer, start: number, end: number): boolean {
  if (((bytes[start] ?? 0) | 0x20) !== 0x63) return false;
  return HEADER.test(bytes.toString('latin1', start, Math.min(end, start + LINE_MAX_BYTES)));
}
