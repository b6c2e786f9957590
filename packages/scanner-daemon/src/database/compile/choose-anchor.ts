import {
  LONG_RUN_BYTES,
  LONG_WINDOW_BYTES,
  SHORT_RUN_BYTES,
  STRIDE_BYTES,
  WINDOW_BYTES,
} from '../../engine/builtin/matcher/anchor-hash.js';
import type { FoldedPart, WindowRarity } from './window-rarity.js';

/** The table that an anchor is entered in. */
export type AnchorKind = 'long' | 'short' | 'dense';

/** Where the windows of a variant are taken from. */
export interface Anchor {
  readonly kind: AnchorKind;
  readonly part: number;
  readonly folded: FoldedPart;
  /** Where the literal run begins in the part. */
  readonly partOffset: number;
  /** How much its commonest window tells, in bits. */
  readonly bits: number;
}

/** A window that tells less is met so often that looking for it costs more than it saves. */
const BITS_MIN = 12;
/** A pass of its own at every position is worth less than one at every fourth that is made anyway. */
const DENSE_PENALTY_BITS = 12;
/** The run of a part that is looked at; longer ones have anchors enough in their first bytes. */
const LOOKED_AT_BYTES = 512;

/** The rarest anchor among the parts of a variant; undefined when no part has four literal bytes in a row. */
export function chooseAnchor(rarity: WindowRarity, firstPart: number, endPart: number): Anchor | undefined {
  let best: Anchor | undefined;
  for (let part = firstPart; part < endPart; part++) {
    const folded = rarity.foldedPart(part);
    const found =
      chooseLong(rarity, part, folded) ??
      chooseFour(part, folded, { kind: 'short', runBytes: SHORT_RUN_BYTES, penaltyBits: 0 }) ??
      chooseFour(part, folded, { kind: 'dense', runBytes: WINDOW_BYTES, penaltyBits: DENSE_PENALTY_BITS });
    if (found !== undefined && (best === undefined || found.bits > best.bits)) best = found;
  }
  return best;
}

function chooseLong(rarity: WindowRarity, part: number, folded: FoldedPart): Anchor | undefined {
  let best: Anchor | undefined;
  const end = Math.min(folded.bytes.length, LOOKED_AT_BYTES);
  const windowBits: number[] = [];
  for (let at = 0; at + LONG_WINDOW_BYTES <= end; at++)
    windowBits.push(
      folded.isFoldable(at, LONG_WINDOW_BYTES) ? rarity.bitsOfLongWindow(folded, at) : -Infinity,
    );
  for (let at = 0; at + LONG_RUN_BYTES <= end; at++) {
    if (!folded.isFoldable(at, LONG_RUN_BYTES)) continue;
    const bits = Math.min(...windowBits.slice(at, at + STRIDE_BYTES));
    if (bits >= BITS_MIN && (best === undefined || bits > best.bits))
      best = { kind: 'long', part, folded, partOffset: at, bits };
  }
  return best;
}

function chooseFour(
  part: number,
  folded: FoldedPart,
  {
    kind,
    runBytes,
    penaltyBits,
  }: { readonly kind: AnchorKind; readonly runBytes: number; readonly penaltyBits: number },
): Anchor | undefined {
  let best: Anchor | undefined;
  const end = Math.min(folded.bytes.length, LOOKED_AT_BYTES);
  for (let at = 0; at + runBytes <= end; at++) {
    if (!folded.isFoldable(at, runBytes)) continue;
    let bits = Number.POSITIVE_INFINITY;
    for (let shift = 0; shift + WINDOW_BYTES <= runBytes; shift++)
      bits = Math.min(bits, folded.bits(at + shift, WINDOW_BYTES));
    if (bits >= BITS_MIN && (best === undefined || bits - penaltyBits > best.bits))
      best = { kind, part, folded, partOffset: at, bits: bits - penaltyBits };
  }
  return best;
}
