import {
  hashLongWindow,
  LONG_RUN_BYTES,
  LONG_WINDOW_BYTES,
  SHORT_RUN_BYTES,
  STRIDE_BYTES,
  WINDOW_BYTES,
} from '../../engine/builtin/matcher/anchor-hash.js';
import type { PartTable } from '../compiled-signatures.js';
import { foldedWord, FoldedPart } from './folded-part.js';

/** The table that an anchor is entered in. */
export type AnchorKind = (typeof ANCHOR_KINDS)[number];
const ANCHOR_KINDS = ['long', 'short', 'dense'] as const;

/** Where the windows of a variant are taken from. */
export interface Anchor {
  readonly kind: AnchorKind;
  readonly part: number;
  /** Where the literal run begins in the part. */
  readonly partOffset: number;
  /** How much its commonest window tells, in bits. */
  readonly bits: number;
}

/** A window that tells less is met so often that looking for it costs more than it saves. */
const BITS_MIN = 12;
/** A pass of its own at every position is worth less than one at every fourth that is made anyway. */
const DENSE_PENALTY_BITS = 12;
const COUNTS_LOG2 = 20;
const NO_ANCHOR = 0xff;

/** A run of a part, by the bytes alone. */
interface Run {
  readonly partOffset: number;
  readonly bits: number;
}

/**
 * The best anchor of every part of a database. An anchor that many parts have (a function name, a header) is a common
 * one in files too, so equal ones are counted and tell less.
 */
export class PartAnchors {
  readonly #parts: PartTable;
  readonly #kinds: Uint8Array;
  readonly #partOffsets: Uint16Array;
  readonly #bits: Float32Array;
  /** How many long anchors begin with each window, by its hash. */
  readonly #counts = new Uint32Array(2 ** COUNTS_LOG2);

  constructor(parts: PartTable) {
    const count = parts.variants.length;
    this.#parts = parts;
    this.#kinds = new Uint8Array(count);
    this.#partOffsets = new Uint16Array(count);
    this.#bits = new Float32Array(count);
    const folded = new FoldedPart(parts);
    for (let part = 0; part < count; part++) this.#choose(folded, part);
  }

  /** The rarest anchor among some parts; undefined when none of them has four telling literal bytes in a row. */
  rarestOf(firstPart: number, endPart: number): Anchor | undefined {
    let best: Anchor | undefined;
    for (let part = firstPart; part < endPart; part++) {
      const kind = ANCHOR_KINDS[this.#kinds[part] ?? NO_ANCHOR];
      if (kind === undefined) continue;
      const partOffset = this.#partOffsets[part] ?? 0;
      const bits = (this.#bits[part] ?? 0) - (kind === 'long' ? this.#commonness(part, partOffset) : 0);
      if (best === undefined || bits > best.bits) best = { kind, part, partOffset, bits };
    }
    return best;
  }

  #choose(folded: FoldedPart, part: number): void {
    const lengthBytes = folded.lookAt(part);
    const long = longRun(folded, lengthBytes);
    if (long !== undefined) {
      this.#note(part, 'long', long);
      const slot = this.#slotOf(part, long.partOffset);
      this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
      return;
    }
    const short = runOf(folded, lengthBytes, SHORT_RUN_BYTES);
    if (short !== undefined) {
      this.#note(part, 'short', short);
      return;
    }
    const dense = runOf(folded, lengthBytes, WINDOW_BYTES);
    if (dense === undefined) this.#kinds[part] = NO_ANCHOR;
    else this.#note(part, 'dense', { ...dense, bits: dense.bits - DENSE_PENALTY_BITS });
  }

  #note(part: number, kind: AnchorKind, { partOffset, bits }: Run): void {
    this.#kinds[part] = ANCHOR_KINDS.indexOf(kind);
    this.#partOffsets[part] = partOffset;
    this.#bits[part] = bits;
  }

  #commonness(part: number, partOffset: number): number {
    return Math.log2(this.#counts[this.#slotOf(part, partOffset)] ?? 1);
  }

  #slotOf(part: number, partOffset: number): number {
    const word = foldedWord(this.#parts, part, partOffset);
    return hashLongWindow(word, foldedWord(this.#parts, part, partOffset + WINDOW_BYTES), COUNTS_LOG2);
  }
}

/** The commonest of a run's windows decides: each of them is looked up. */
function longRun(folded: FoldedPart, lengthBytes: number): Run | undefined {
  let partOffset = -1;
  let best = BITS_MIN;
  // The bits of the windows at the last positions, the latest first.
  let one = 0;
  let two = 0;
  let three = 0;
  for (let at = 0; at + LONG_WINDOW_BYTES <= lengthBytes; at++) {
    const bits = folded.isFoldable(at, LONG_WINDOW_BYTES) ? folded.bits(at, LONG_WINDOW_BYTES) : 0;
    const runStart = at - (STRIDE_BYTES - 1);
    const worst = Math.min(bits, one, two, three);
    if (worst > best && folded.isFoldable(runStart, LONG_RUN_BYTES)) {
      partOffset = runStart;
      best = worst;
    }
    three = two;
    two = one;
    one = bits;
  }
  return partOffset === -1 ? undefined : { partOffset, bits: best };
}

/** The same for windows of four bytes. */
function runOf(folded: FoldedPart, lengthBytes: number, runBytes: number): Run | undefined {
  let partOffset = -1;
  let best = BITS_MIN;
  for (let at = 0; at + runBytes <= lengthBytes; at++) {
    if (!folded.isFoldable(at, runBytes)) continue;
    let bits = Number.POSITIVE_INFINITY;
    for (let shift = 0; shift + WINDOW_BYTES <= runBytes; shift++)
      bits = Math.min(bits, folded.bits(at + shift, WINDOW_BYTES));
    if (bits <= best) continue;
    partOffset = at;
    best = bits;
  }
  return partOffset === -1 ? undefined : { partOffset, bits: best };
}
