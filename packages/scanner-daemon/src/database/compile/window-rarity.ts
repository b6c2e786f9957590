import { hashLongWindow, LONG_WINDOW_BYTES } from '../../engine/builtin/matcher/anchor-hash.js';
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
  for (const opcode of [
    0x01, 0x02, 0x03, 0x04, 0x08, 0x0f, 0x10, 0x24, 0x48, 0x80, 0x83, 0x85, 0x89, 0x8b, 0xe8, 0xc0,
  ])
    table[opcode] = 5;
  table[FOLD_BIT] = 3;
  table[0xff] = 3;
  table[0x00] = 1.5;
  return table;
}

/** A window of equal bytes, or of two taking turns, stands in every padded file. */
const REPETITION_FACTOR = 0.5;
const COUNTS_LOG2 = 22;

/**
 * The folded bytes of one part, and how selective its windows are: the more bits, the rarer in files. A window that
 * many signatures have (a function name, a header) is a common one; so the windows of the whole database are counted.
 */
export class WindowRarity {
  readonly #parts: PartTable;
  readonly #counts = new Uint16Array(2 ** COUNTS_LOG2);

  constructor(parts: PartTable) {
    this.#parts = parts;
    const count = parts.variants.length;
    for (let part = 0; part < count; part++) {
      const folded = this.foldedPart(part);
      for (let at = 0; at + LONG_WINDOW_BYTES <= folded.bytes.length; at++) {
        if (!folded.isFoldable(at, LONG_WINDOW_BYTES)) continue;
        const slot = this.#slotOf(folded.bytes, at);
        const seen = this.#counts[slot] ?? 0;
        if (seen < 0xffff) this.#counts[slot] = seen + 1;
      }
    }
  }

  /** The part as the filter sees it. */
  foldedPart(part: number): FoldedPart {
    const { starts, values, maskStarts, masks } = this.#parts;
    const start = starts[part] ?? 0;
    const bytes = values.slice(start, starts[part + 1]);
    const maskStart = maskStarts[part] ?? NO_MASKS;
    return new FoldedPart(
      bytes,
      maskStart === NO_MASKS ? undefined : masks.subarray(maskStart, maskStart + bytes.length),
    );
  }

  /** How much a window of eight bytes tells, in bits. */
  bitsOfLongWindow(folded: FoldedPart, at: number): number {
    return folded.bits(at, LONG_WINDOW_BYTES) - Math.log2(this.#counts[this.#slotOf(folded.bytes, at)] ?? 1);
  }

  #slotOf(bytes: Uint8Array, at: number): number {
    return hashLongWindow(wordAt(bytes, at), wordAt(bytes, at + 4), COUNTS_LOG2);
  }
}

/** A part with letters in lower case and, as far as folding goes, other bytes too. */
export class FoldedPart {
  readonly bytes: Uint8Array;
  /** For each position, how many positions from it on can be part of an anchor. */
  readonly #foldableAhead: Uint16Array;

  constructor(bytes: Uint8Array, masks: Uint8Array | undefined) {
    this.bytes = bytes;
    this.#foldableAhead = new Uint16Array(bytes.length + 1);
    for (let at = bytes.length - 1; at >= 0; at--) {
      bytes[at] = (bytes[at] ?? 0) | FOLD_BIT;
      const fits = masks === undefined || isFoldable(masks[at] ?? 0);
      this.#foldableAhead[at] = fits ? (this.#foldableAhead[at + 1] ?? 0) + 1 : 0;
    }
  }

  isFoldable(at: number, lengthBytes: number): boolean {
    return (this.#foldableAhead[at] ?? 0) >= lengthBytes;
  }

  /** What the bytes of a window tell by themselves. */
  bits(at: number, lengthBytes: number): number {
    let sum = 0;
    let repeated = 0;
    for (let index = at; index < at + lengthBytes; index++) {
      const byte = this.bytes[index] ?? 0;
      sum += BITS_OF_BYTE[byte] ?? 0;
      if (index >= at + 2 && byte === this.bytes[index - 2]) repeated++;
    }
    return repeated >= lengthBytes - 3 ? sum * REPETITION_FACTOR : sum;
  }
}

/** Four bytes as a little-endian 32-bit signed number. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}
