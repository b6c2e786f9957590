import type { PartTable } from '../compiled-signatures.js';
import { NO_MASKS } from '../compiled-signatures.js';
import { FOLD_BIT, isFoldable } from './literal-runs.js';

/**
 * How much each byte tells, in bits, from 1 (it is everywhere) to 8: programs, documents and text together. A rough
 * table is enough: it only has to keep anchors away from padding, prologues and prose.
 */
const BITS_OF_BYTE: Float64Array = buildBitsOfByte();

function buildBitsOfByte(): Float64Array {
  const table = new Float64Array(256).fill(7);
  for (let byte = 0x21; byte < 0x7f; byte++) table[byte] = 5.5;
  for (const letter of Buffer.from('etaoinsrlcdup')) table[letter] = 4;
  const opcodes = '01020304080f102448808385898be8c0';
  for (const opcode of Buffer.from(opcodes, 'hex')) table[opcode] = 5;
  table[FOLD_BIT] = 3;
  table[0xff] = 3;
  table[0x00] = 1.5;
  return table;
}

/** A window of equal bytes, or of two taking turns, stands in every padded file. */
const REPETITION_FACTOR = 0.5;
/** The beginning of a part that anchors are looked for in; what is behind would hardly be better. */
const LOOKED_AT_BYTES = 256;

/** One part after the other as the filter sees it, and what its windows tell by themselves. */
export class FoldedPart {
  readonly #parts: PartTable;
  /** For each position, how many positions from it on can be part of an anchor. */
  readonly #foldableAhead = new Uint16Array(LOOKED_AT_BYTES);
  /** Sums over all positions before. */
  readonly #bitsBefore = new Float64Array(LOOKED_AT_BYTES + 1);
  readonly #repeatsBefore = new Uint16Array(LOOKED_AT_BYTES + 1);
  #lengthBytes = 0;
  /** Whether every byte can be part of an anchor, {@link #foldableAhead} aside. */
  #isLiteral = true;

  constructor(parts: PartTable) {
    this.#parts = parts;
  }

  /** Turns to a part. @returns how many of its bytes are looked at */
  lookAt(part: number): number {
    const { starts, values, maskStarts, masks } = this.#parts;
    const start = starts[part] ?? 0;
    const maskStart = maskStarts[part] ?? NO_MASKS;
    const length = Math.min((starts[part + 1] ?? 0) - start, LOOKED_AT_BYTES);
    const bitsBefore = this.#bitsBefore;
    const repeatsBefore = this.#repeatsBefore;
    let bits = 0;
    let repeats = 0;
    // Of the last two positions.
    let one = -1;
    let two = -1;
    for (let at = 0; at < length; at++) {
      const byte = (values[start + at] ?? 0) | FOLD_BIT;
      bits += BITS_OF_BYTE[byte] ?? 0;
      if (byte === two) repeats++;
      bitsBefore[at + 1] = bits;
      repeatsBefore[at + 1] = repeats;
      two = one;
      one = byte;
    }
    this.#lengthBytes = length;
    this.#isLiteral = maskStart === NO_MASKS;
    if (!this.#isLiteral) this.#measureFoldable(masks, maskStart);
    return length;
  }

  #measureFoldable(masks: Uint8Array, maskStart: number): void {
    let ahead = 0;
    for (let at = this.#lengthBytes - 1; at >= 0; at--) {
      ahead = isFoldable(masks[maskStart + at] ?? 0) ? ahead + 1 : 0;
      this.#foldableAhead[at] = ahead;
    }
  }

  /** Whether so many bytes of the part can be part of an anchor. */
  isFoldable(at: number, lengthBytes: number): boolean {
    return this.#isLiteral
      ? at + lengthBytes <= this.#lengthBytes
      : (this.#foldableAhead[at] ?? 0) >= lengthBytes;
  }

  /** What the bytes of a window (of 4 bytes or 8) tell by themselves, in bits. */
  bits(at: number, lengthBytes: number): number {
    const sum = (this.#bitsBefore[at + lengthBytes] ?? 0) - (this.#bitsBefore[at] ?? 0);
    const repeats = (this.#repeatsBefore[at + lengthBytes] ?? 0) - (this.#repeatsBefore[at + 2] ?? 0);
    return repeats >= lengthBytes - 3 ? sum * REPETITION_FACTOR : sum;
  }
}

/** Four bytes of a part as the filter sees them, as a little-endian 32-bit signed number. */
export function foldedWord({ starts, values }: PartTable, part: number, partOffset: number): number {
  const at = (starts[part] ?? 0) + partOffset;
  const fold = (index: number): number => (values[at + index] ?? 0) | FOLD_BIT;
  return fold(0) | (fold(1) << 8) | (fold(2) << 16) | (fold(3) << 24);
}
