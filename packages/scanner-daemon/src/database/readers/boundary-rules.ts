import type { BoundaryKind } from '../model/body-pattern.js';

/** A stretch of the file that is at hand, and whether its ends are those of the file. */
export interface BoundaryWindow {
  readonly bytes: Uint8Array;
  /** `bytes[0]` is the first byte of the file. */
  readonly startsFile: boolean;
  /** How many of `bytes` are valid. */
  readonly lengthBytes: number;
  /** The last valid byte is the last of the file. */
  readonly endsFile: boolean;
}

/** Every kind, for what counts in numbers. */
export const BOUNDARY_KINDS: readonly BoundaryKind[] = [
  'wordBefore',
  'wordAfter',
  'lineBefore',
  'lineAfter',
  'nonAlphanumericBefore',
  'nonAlphanumericAfter',
  'wideNonAlphanumericBefore',
  'wideNonAlphanumericAfter',
];

const IS_ALPHANUMERIC = byteSet('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');
/** What `(B)` takes for the end of another word in front of the pattern (observed: not the same as behind it). */
const IS_WORD_BREAK_BEFORE = byteSet(' -./<@_');
const IS_WORD_BREAK_AFTER = byteSet('\n\r "\'-/=>_');
/** `(B)` in the middle of a part, and what `!(B)` in front of one forbids (observed). */
const IS_WORD_BREAK = byteSet('\n\r "\'-./<=>@_');
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The bytes that `(B)` takes in the middle of a part. */
export const WORD_BREAK_BYTES: Uint8Array = membersOf(IS_WORD_BREAK);
/** The bytes that `(W)` does not take. */
export const ALPHANUMERIC_BYTES: Uint8Array = membersOf(IS_ALPHANUMERIC);

/**
 * Whether a boundary holds between `bytes[at - 1]` and `bytes[at]` (facts from experiments with clamscan 1.4.6).
 * The edge of the file satisfies a plain boundary and never a negated one. A window that ends elsewhere
 * must reach two bytes past `at` (`\r\n`, and a wide character); it allocates nothing.
 */
export function boundaryHolds(
  kind: BoundaryKind,
  negated: boolean,
  window: BoundaryWindow,
  at: number,
): boolean {
  const { bytes, lengthBytes } = window;
  switch (kind) {
    case 'wordBefore':
      if (at === 0) return window.startsFile && !negated;
      // ClamAV negates the set of the middle here, not that of the front.
      return negated
        ? IS_WORD_BREAK[bytes[at - 1] ?? 0] === 0
        : IS_WORD_BREAK_BEFORE[bytes[at - 1] ?? 0] === 1;
    case 'wordAfter':
      if (at >= lengthBytes) return window.endsFile && !negated;
      return (IS_WORD_BREAK_AFTER[bytes[at] ?? 0] === 1) !== negated;
    case 'lineBefore':
      if (at === 0) return window.startsFile && !negated;
      return (bytes[at - 1] === LINE_FEED) !== negated;
    case 'lineAfter':
      if (at >= lengthBytes) return window.endsFile && !negated;
      return isLineEnd(bytes, at, lengthBytes) !== negated;
    case 'nonAlphanumericBefore':
      if (at === 0) return window.startsFile && !negated;
      return (IS_ALPHANUMERIC[bytes[at - 1] ?? 0] === 0) !== negated;
    case 'nonAlphanumericAfter':
      if (at >= lengthBytes) return window.endsFile && !negated;
      return (IS_ALPHANUMERIC[bytes[at] ?? 0] === 0) !== negated;
    case 'wideNonAlphanumericBefore':
      return at < 2 || bytes[at - 1] !== 0 || IS_ALPHANUMERIC[bytes[at - 2] ?? 0] === 0;
    case 'wideNonAlphanumericAfter':
      if (at >= lengthBytes || IS_ALPHANUMERIC[bytes[at] ?? 0] === 0) return true;
      // A letter that the file ends behind counts as a wide one (observed).
      return at + 1 < lengthBytes && bytes[at + 1] !== 0;
  }
}

function isLineEnd(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
  if (bytes[at] === LINE_FEED) return true;
  return bytes[at] === CARRIAGE_RETURN && at + 1 < lengthBytes && bytes[at + 1] === LINE_FEED;
}

function byteSet(members: string): Uint8Array {
  const set = new Uint8Array(256);
  for (let index = 0; index < members.length; index++) set[members.charCodeAt(index)] = 1;
  return set;
}

function membersOf(set: Uint8Array): Uint8Array {
  const members: number[] = [];
  set.forEach((isMember, byte) => {
    if (isMember === 1) members.push(byte);
  });
  return Uint8Array.from(members);
}
