import type { Alternates } from './body-alternates.js';
import { plainBytes } from './body-alternates.js';
import { ALPHANUMERIC_BYTES, WORD_BREAK_BYTES } from './boundary-rules.js';

/** `(B)`, `(L)` and `(W)` of the manual. */
export type BoundaryLetter = 'B' | 'L' | 'W';

/** Which kinds they are at the two ends of a part. */
export const BOUNDARY_KINDS_OF = {
  B: { before: 'wordBefore', after: 'wordAfter' },
  L: { before: 'lineBefore', after: 'lineAfter' },
  W: { before: 'nonAlphanumericBefore', after: 'nonAlphanumericAfter' },
} as const;

const each = (bytes: Uint8Array) => Array.from(bytes, (byte) => plainBytes(Uint8Array.of(byte)));
const LINE_FEED = plainBytes(Uint8Array.of(0x0a));
const WORD_BREAKS = [each(WORD_BREAK_BYTES)];
const ALPHANUMERICS = [each(ALPHANUMERIC_BYTES)];
const LINE_ENDS = [[LINE_FEED], [plainBytes(Uint8Array.of(0x0d, 0x0a))]];

/**
 * What a boundary in the middle of a part is: one byte of its own there, or two for `\r\n` (observed), as alternatives,
 * with whether those are negated.
 */
export function middleBoundary(
  letter: BoundaryLetter,
  negated: boolean,
): { readonly alternates: Alternates; readonly negated: boolean } {
  switch (letter) {
    case 'B':
      return { alternates: { kind: 'alternates', groups: WORD_BREAKS }, negated };
    case 'L':
      return { alternates: { kind: 'alternates', groups: negated ? [[LINE_FEED]] : LINE_ENDS }, negated };
    case 'W':
      return { alternates: { kind: 'alternates', groups: ALPHANUMERICS }, negated: !negated };
  }
}
