import type { PatternCursor } from './pattern-cursor.js';
import { PcreSyntaxError } from './pcre-syntax.js';

const CONTROL_LETTERS: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['e', 27],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
]);

/**
 * Reads the rest of an escape that names one byte, behind the backslash: `\n`, `\x3b`, `\x{3b}`, `\o{73}`, `\073`,
 * `\cA`, or the character itself where it is no letter and no digit.
 *
 * @returns the byte, or undefined where it is some other kind of escape; nothing is taken then.
 */
export function parseByteEscape(cursor: PatternCursor): number | undefined {
  const letter = cursor.peek();
  if (letter === '') throw new PcreSyntaxError('\\ at the end of the expression');
  const control = CONTROL_LETTERS.get(letter);
  if (control !== undefined) {
    cursor.next();
    return control;
  }
  if (/[^A-Za-z0-9]/.test(letter)) return cursor.next().charCodeAt(0);
  const braced = cursor.takeMatch(/x\{([0-9A-Fa-f]+)\}/y);
  if (braced !== undefined) return byteOf(Number.parseInt(braced[1] ?? '', 16));
  const hex = cursor.takeMatch(/x([0-9A-Fa-f]{0,2})/y);
  if (hex !== undefined) return hex[1] === '' ? 0 : Number.parseInt(hex[1] ?? '', 16);
  const octal = cursor.takeMatch(/o\{([0-7]+)\}/y) ?? cursor.takeMatch(/(0[0-7]{0,2})/y);
  if (octal !== undefined) return byteOf(Number.parseInt(octal[1] ?? '', 8));
  const controlled = cursor.takeMatch(/c([ -~])/y);
  if (controlled !== undefined) return ((controlled[1] ?? '').toUpperCase().charCodeAt(0) ^ 0x40) & 0xff;
  return undefined;
}

/** Reads up to three octal digits: what `\12` is where it cannot be a back reference. */
export function parseOctal(cursor: PatternCursor): number {
  const octal = cursor.takeMatch(/[0-7]{1,3}/y);
  if (octal === undefined) return cursor.next().charCodeAt(0);
  return byteOf(Number.parseInt(octal[0], 8));
}

function byteOf(value: number): number {
  if (value > 255) throw new PcreSyntaxError('a character value above \\x{ff}');
  return value;
}
