import type { BodyPart, MaskedBytes } from '../model/body-pattern.js';

/** The bit that folding sets in each byte: letters in either case become one, and a few other bytes too. */
export const FOLD_BIT = 0x20;

/**
 * Whether all bytes that fit this position are the same once folded: a literal, or a letter in either case.
 * Those are the positions that anchors are made of.
 */
export function isFoldable(mask: number): boolean {
  return mask === 0xff || mask === 0xdf;
}

/** A run of positions to search a part by. */
export interface LiteralRun {
  readonly partOffset: number;
  /** 0 where there is none. */
  readonly lengthBytes: number;
  /** Whether it holds letters that fit in either case. */
  readonly isFolded: boolean;
}

/** From this length on a case-sensitive run is as good as any: the search stops at every one of its first bytes. */
const GOOD_RUN_BYTES = 6;

/** What an exact search for the part looks for: the longest literal run, or one with letters in either case. */
export function longestRun({ masks }: BodyPart): LiteralRun {
  const literal = longest(masks, (mask) => mask === 0xff);
  if (literal.lengthBytes >= GOOD_RUN_BYTES) return { ...literal, isFolded: false };
  const foldable = longest(masks, isFoldable);
  if (foldable.lengthBytes <= literal.lengthBytes) return { ...literal, isFolded: false };
  return { ...foldable, isFolded: true };
}

function longest(
  masks: MaskedBytes['masks'],
  fits: (mask: number) => boolean,
): { readonly partOffset: number; readonly lengthBytes: number } {
  let best = { partOffset: 0, lengthBytes: 0 };
  let start = 0;
  for (let index = 0; index <= masks.length; index++) {
    const mask = masks[index];
    if (mask !== undefined && fits(mask)) continue;
    if (index - start > best.lengthBytes) best = { partOffset: start, lengthBytes: index - start };
    start = index + 1;
  }
  return best;
}
