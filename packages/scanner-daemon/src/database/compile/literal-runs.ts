import type { BodyPart } from '../model/body-pattern.js';

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
  const length = masks.length;
  const literal = { partOffset: 0, lengthBytes: 0, isFolded: false };
  const foldable = { partOffset: 0, lengthBytes: 0, isFolded: true };
  let literalStart = 0;
  let foldableStart = 0;
  for (let index = 0; index <= length; index++) {
    const mask = index < length ? (masks[index] ?? 0) : 0;
    if (mask === 0xff) continue;
    note(literal, literalStart, index);
    literalStart = index + 1;
    if (isFoldable(mask)) continue;
    note(foldable, foldableStart, index);
    foldableStart = index + 1;
  }
  if (literal.lengthBytes >= GOOD_RUN_BYTES) return literal;
  return foldable.lengthBytes > literal.lengthBytes ? foldable : literal;
}

function note(best: { partOffset: number; lengthBytes: number }, start: number, end: number): void {
  if (end - start <= best.lengthBytes) return;
  best.partOffset = start;
  best.lengthBytes = end - start;
}
