import { isUtf8 } from 'node:buffer';

/** A byte that is no UTF-8 stands as this plus its value: a low surrogate without a high one before it. */
const ESCAPE_BASE = 0xdc00;
// With the flag u, a pair is one character and never matches.
const LONE_SURROGATE = /[\ud800-\udfff]/u;
const RUNS = /[\udc80-\udcff]+|[^\udc80-\udcff]+/gu;
const ESCAPED = /^[\udc80-\udcff]/u;

/**
 * The bytes of a path as {@link decodePath} gave it. A path is bytes to the kernel, and anybody may use those that are no
 * UTF-8. Any other text is encoded as UTF-8 (U+FFFD for what stands for no byte).
 */
export function encodePath(path: string): Buffer {
  if (!LONE_SURROGATE.test(path)) return Buffer.from(path);
  const runs = path.match(RUNS) ?? [];
  // latin1 writes the low byte of each unit, which is the byte that it stands for.
  return Buffer.concat(runs.map((run) => Buffer.from(run, ESCAPED.test(run) ? 'latin1' : 'utf8')));
}

/**
 * A path as a string that loses nothing: each byte that is no part of valid UTF-8 becomes the lone surrogate U+DC80 to
 * U+DCFF (Python's PEP 383), which `sanitize` shows as `\xff`. Different paths stay different.
 */
export function decodePath(bytes: Uint8Array): string {
  const path = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(path)) return path.toString();
  let text = '';
  let validFrom = 0;
  let at = 0;
  for (let byte = path[at]; byte !== undefined; byte = path[at]) {
    const next = at + sequenceBytes(byte);
    if (next <= path.length && isUtf8(path.subarray(at, next))) {
      at = next;
      continue;
    }
    text += path.toString('utf8', validFrom, at) + String.fromCharCode(ESCAPE_BASE + byte);
    at += 1;
    validFrom = at;
  }
  return text + path.toString('utf8', validFrom);
}

/** How long a character is that begins so (RFC 3629); whether it is one is for others to say. */
function sequenceBytes(firstByte: number): number {
  if (firstByte < 0x80) return 1;
  if (firstByte >= 0xf0) return 4;
  return firstByte >= 0xe0 ? 3 : 2;
}
