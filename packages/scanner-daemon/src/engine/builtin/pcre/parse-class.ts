import { addAll, complement, foldCase, POSIX_CLASSES, shorthandSet, type ByteSet } from './byte-set.js';
import { parseByteEscape, parseOctal } from './parse-escape.js';
import type { PatternCursor } from './pattern-cursor.js';
import { PcreSyntaxError } from './pcre-syntax.js';

/** Reads a character class behind its `[`, up to and with the `]`. */
export function parseClass(cursor: PatternCursor, caseless: boolean): ByteSet {
  const set = new Uint8Array(256);
  const negated = cursor.take('^');
  for (let isFirst = true; isFirst || cursor.peek() !== ']'; isFirst = false) {
    const low = parseMember(cursor);
    if (typeof low !== 'number') {
      addAll(set, low);
      continue;
    }
    if (cursor.peek() !== '-' || cursor.peek(1) === ']' || cursor.peek(1) === '') {
      set[low] = 1;
      continue;
    }
    cursor.next();
    const high = parseMember(cursor);
    // A class behind the hyphen makes the hyphen a literal, as in PCRE.
    if (typeof high === 'number') addRange(set, low, high);
    else {
      set[low] = 1;
      set[0x2d] = 1;
      addAll(set, high);
    }
  }
  cursor.next();
  const cased = caseless ? foldCase(set) : set;
  return negated ? complement(cased) : cased;
}

function addRange(set: ByteSet, low: number, high: number): void {
  if (high < low) throw new PcreSyntaxError('range out of order in character class');
  set.fill(1, low, high + 1);
}

/** One byte, or the set that an escape or a POSIX class stands for. */
function parseMember(cursor: PatternCursor): number | ByteSet {
  const posix = cursor.takeMatch(/\[:(\^?)([a-z]+):\]/y);
  if (posix !== undefined) {
    const named = POSIX_CLASSES.get(posix[2] ?? '');
    if (named === undefined) throw new PcreSyntaxError('unknown POSIX class name');
    return posix[1] === '^' ? complement(named) : named;
  }
  const character = cursor.next();
  if (character !== '\\') return character.charCodeAt(0) & 0xff;
  if (cursor.take('Q')) return quotedMembers(cursor);
  const byte = parseByteEscape(cursor);
  if (byte !== undefined) return byte;
  if (cursor.take('b')) return 8;
  const shorthand = shorthandSet(cursor.peek());
  if (shorthand !== undefined) {
    cursor.next();
    return shorthand;
  }
  if (/[0-9]/.test(cursor.peek())) return parseOctal(cursor);
  if (cursor.take('E')) return new Uint8Array(256);
  throw new PcreSyntaxError(`\\${cursor.peek()} in a character class`, /[pP]/.test(cursor.peek()));
}

function quotedMembers(cursor: PatternCursor): ByteSet {
  const set = new Uint8Array(256);
  for (const character of cursor.takeUntil('\\E')) set[character.charCodeAt(0) & 0xff] = 1;
  return set;
}
