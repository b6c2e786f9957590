/** Which of the 256 byte values belong: 1 or 0 each. */
export type ByteSet = Uint8Array;

/** The set of the bytes between the pairs of `bounds`, both included: `setOf(0x30, 0x39)` are the digits. */
export function setOf(...bounds: readonly number[]): ByteSet {
  const set = new Uint8Array(256);
  for (let i = 0; i + 1 < bounds.length; i += 2) set.fill(1, bounds[i], (bounds[i + 1] ?? 0) + 1);
  return set;
}

/** All bytes that `set` has not. */
export function complement(set: ByteSet): ByteSet {
  return set.map((member) => 1 - member);
}

/** Adds all of `other` to `set`. */
export function addAll(set: ByteSet, other: ByteSet): void {
  for (let byte = 0; byte < 256; byte++) if (other[byte] === 1) set[byte] = 1;
}

/** Adds the other case of each ASCII letter; bytes above 0x7f have no case (PCRE without UTF, C locale). */
export function foldCase(set: ByteSet): ByteSet {
  const folded = set.slice();
  for (let upper = 0x41; upper <= 0x5a; upper++) {
    const member = (set[upper] ?? 0) | (set[upper + 0x20] ?? 0);
    folded[upper] = member;
    folded[upper + 0x20] = member;
  }
  return folded;
}

/** Whether no byte belongs to both. */
export function areDisjoint(a: ByteSet, b: ByteSet): boolean {
  for (let byte = 0; byte < 256; byte++) if (a[byte] === 1 && b[byte] === 1) return false;
  return true;
}

/** The one member of a set of one, otherwise -1. */
export function onlyMember(set: ByteSet): number {
  const first = set.indexOf(1);
  return first >= 0 && set.indexOf(1, first + 1) < 0 ? first : -1;
}

export const ALL_BYTES: ByteSet = setOf(0, 255);
export const NOT_NEWLINE: ByteSet = complement(setOf(10, 10));
export const DIGITS: ByteSet = setOf(0x30, 0x39);
export const WORD_BYTES: ByteSet = setOf(0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a);
/** Tab, LF, VT, FF, CR, space. */
export const SPACES: ByteSet = setOf(9, 13, 32, 32);

const HORIZONTAL_SPACES = setOf(9, 9, 32, 32, 0xa0, 0xa0);
const VERTICAL_SPACES = setOf(10, 13, 0x85, 0x85);

/** What `\d`, `\W` and the like stand for, by the letter; undefined for any other. */
export function shorthandSet(letter: string): ByteSet | undefined {
  const set = SHORTHANDS.get(letter.toLowerCase());
  if (set === undefined) return undefined;
  return letter === letter.toLowerCase() ? set : complement(set);
}

const SHORTHANDS: ReadonlyMap<string, ByteSet> = new Map([
  ['d', DIGITS],
  ['w', WORD_BYTES],
  ['s', SPACES],
  ['h', HORIZONTAL_SPACES],
  ['v', VERTICAL_SPACES],
]);

/** POSIX classes by name, in the C locale. */
export const POSIX_CLASSES: ReadonlyMap<string, ByteSet> = new Map([
  ['alpha', setOf(0x41, 0x5a, 0x61, 0x7a)],
  ['lower', setOf(0x61, 0x7a)],
  ['upper', setOf(0x41, 0x5a)],
  ['alnum', setOf(0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a)],
  ['ascii', setOf(0, 0x7f)],
  ['blank', setOf(9, 9, 32, 32)],
  ['cntrl', setOf(0, 31, 127, 127)],
  ['digit', DIGITS],
  ['graph', setOf(33, 126)],
  ['print', setOf(32, 126)],
  ['punct', setOf(33, 47, 58, 64, 91, 96, 123, 126)],
  ['space', SPACES],
  ['word', WORD_BYTES],
  ['xdigit', setOf(0x30, 0x39, 0x41, 0x46, 0x61, 0x66)],
]);
