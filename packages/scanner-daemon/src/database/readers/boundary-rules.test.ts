import { expect, test } from '@jest/globals';
import { boundaryHolds } from './boundary-rules.js';
import type { BoundaryKind } from '../model/body-pattern.js';

/** Byte before or behind, and whether clamscan 1.4.6 finds a pattern with that boundary beside it. */
const CASES: readonly (readonly [BoundaryKind, string, string])[] = [
  ['wordBefore', ' -./<@_', '\n\r"=>x9\0\x80\t'],
  ['wordAfter', '\n\r "\'-/=>_', '.<@x9\0\x80\t'],
  ['lineBefore', '\n', '\r .x'],
  ['lineAfter', '\n', '\r .x'],
  ['nonAlphanumericBefore', '._ \n\0\x80', 'azAZ09'],
  ['nonAlphanumericAfter', '._ \n\0\x80', 'azAZ09'],
];

function holds(kind: BoundaryKind, text: string, at: number, negated = false): boolean {
  const bytes = Buffer.from(text, 'latin1');
  return boundaryHolds(
    kind,
    negated,
    { bytes, lengthBytes: bytes.length, startsFile: true, endsFile: true },
    at,
  );
}

test.each(CASES)('%s takes %j and not %j', (kind, taken, refused) => {
  const isBefore = kind.endsWith('Before');
  const beside = (byte: string): boolean =>
    holds(kind, isBefore ? `x${byte}P` : `P${byte}x`, isBefore ? 2 : 1);
  expect(Array.from(taken).filter((byte) => !beside(byte))).toEqual([]);
  expect(Array.from(refused).filter((byte) => beside(byte))).toEqual([]);
});

test('the edge of the file holds for every plain boundary and for no negated one', () => {
  for (const [kind] of CASES) {
    const at = kind.endsWith('Before') ? 0 : 1;
    expect([holds(kind, 'P', at), holds(kind, 'P', at, true)]).toEqual([true, false]);
  }
});

test('the edge of a window is no edge of the file', () => {
  const window = { bytes: Buffer.from('P'), lengthBytes: 1, startsFile: false, endsFile: false };
  expect(boundaryHolds('lineBefore', false, window, 0)).toBe(false);
  expect(boundaryHolds('lineAfter', false, window, 1)).toBe(false);
});

test('a carriage return ends a line only with a line feed behind it', () => {
  expect([holds('lineAfter', 'P\r\nx', 1), holds('lineAfter', 'P\rx', 1)]).toEqual([true, false]);
});

test('a negated word boundary in front takes neither set', () => {
  expect(Array.from(' \n.x').map((byte) => holds('wordBefore', `x${byte}P`, 2, true))).toEqual([
    false,
    false,
    false,
    true,
  ]);
});

test.each([
  ['', true],
  ['\0', true],
  ['x', true],
  ['yx', true],
  ['.\0', true],
  ['y\0', false],
  ['zy\0', false],
])('behind %j a wide word may begin: %s', (before, expected) => {
  expect(holds('wideNonAlphanumericBefore', `${before}P\0`, before.length)).toBe(expected);
});

test.each([
  ['', true],
  ['.', true],
  ['\0', true],
  ['.\0', true],
  ['yx', true],
  ['y', false],
  ['y\0', false],
])('before %j a wide word may end: %s', (after, expected) => {
  expect(holds('wideNonAlphanumericAfter', `P\0${after}`, 2)).toBe(expected);
});
