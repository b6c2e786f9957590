import type { AnchorTable, SignatureFilter } from '../../../database/compiled-signatures.js';
import {
  FOLD_WORD,
  HASH_MULTIPLIER,
  hashLongWindow,
  hashWindow,
  LONG_WINDOW_BYTES,
  SECOND_MULTIPLIER,
  STRIDE_BYTES,
  WINDOW_BYTES,
  windowWord,
} from './anchor-hash.js';
import type { InputWindow } from './input-window.js';

// See anchor-hash.ts.
const { imul } = Math;

/**
 * Told of each place where a window that is in the table may stand: the entry, and where its window begins in the bytes.
 *
 * @returns false to end the pass.
 */
export type EntrySink = (table: AnchorTable, entry: number, bytesOffset: number) => boolean;

/**
 * Passes once over the core, word by aligned word. See the README, "Filter" and "Stride". A place near the ends of the core
 * may be told of twice, or from outside of it.
 */
export function passAnchors(filter: SignatureFilter, window: InputWindow, onEntry: EntrySink): void {
  const { long, short, dense } = filter;
  if (long.words.length + short.words.length + dense.words.length === 0) return;
  const { words, first } = alignedWords(window);
  const visit = new EntryVisit(filter, window, onEntry);
  const last = words.length - 1;
  // What the loop sees begins one byte before the words, and ends with the last but one.
  if (!visit.dense(window.coreStart, first - 1)) return;
  if (!visit.dense(Math.max(window.coreStart, first + last * STRIDE_BYTES - 1), window.coreEnd)) return;
  if (last < 0) return;
  if (!visit.short((words[last] ?? 0) | FOLD_WORD, first + last * STRIDE_BYTES)) return;
  passWords(filter, words, first, visit);
}

/** The loop over all words but the last, of which the first stands at `first` of the bytes. */
function passWords(
  { wordBits, wordBitmap, long, short, dense }: SignatureFilter,
  words: Int32Array,
  first: number,
  visit: EntryVisit,
): void {
  const wordShift = 32 - wordBits;
  const { bitmap: longBitmap } = long;
  const longShift = 32 - long.bitmapBits;
  const { bitmap: shortBitmap } = short;
  const shortShift = 32 - short.bitmapBits;
  const { trigramBitmap } = dense;
  const trigramShift = 32 - dense.trigramBits;
  const last = words.length - 1;
  let word = (words[0] ?? 0) | FOLD_WORD;
  for (let index = 0; index < last; index++) {
    const next = (words[index + 1] ?? 0) | FOLD_WORD;
    const hash = imul(word, HASH_MULTIPLIER);
    const bit = hash >>> wordShift;
    if ((((wordBitmap[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) !== 0) {
      // As the tables' own methods do it; here because one word in ten gets so far.
      const longBit = (hash ^ imul(next, SECOND_MULTIPLIER)) >>> longShift;
      const isLong = ((longBitmap[longBit >>> 5] ?? 0) >>> (longBit & 31)) & 1;
      if (isLong !== 0 && !visit.long(word, next, first + index * STRIDE_BYTES)) return;
      const shortBit = hash >>> shortShift;
      const isShort = ((shortBitmap[shortBit >>> 5] ?? 0) >>> (shortBit & 31)) & 1;
      if (isShort !== 0 && !visit.short(word, first + index * STRIDE_BYTES)) return;
    }
    const trigram0 = imul(word << 8, HASH_MULTIPLIER) >>> trigramShift;
    const trigram2 = imul(((word >>> 8) & 0xffff00) | (next << 24), HASH_MULTIPLIER) >>> trigramShift;
    const passed =
      ((trigramBitmap[trigram0 >>> 5] ?? 0) >>> (trigram0 & 31)) |
      ((trigramBitmap[trigram2 >>> 5] ?? 0) >>> (trigram2 & 31));
    if ((passed & 1) !== 0) {
      const at = first + index * STRIDE_BYTES;
      if (!visit.dense(Math.max(0, at - 1), at + STRIDE_BYTES - 1)) return;
    }
    word = next;
  }
}

/** The second look at what passed the filter. Each method returns false when told to end. */
class EntryVisit {
  readonly #filter: SignatureFilter;
  readonly #bytes: Uint8Array;
  readonly #onEntry: EntrySink;

  constructor(filter: SignatureFilter, { bytes }: InputWindow, onEntry: EntrySink) {
    this.#filter = filter;
    this.#bytes = bytes;
    this.#onEntry = onEntry;
  }

  long(word: number, next: number, bytesOffset: number): boolean {
    const table = this.#filter.long;
    const bucket = hashLongWindow(word, next, table.bucketBits);
    const end = table.bucketStarts[bucket + 1] ?? 0;
    for (let entry = table.bucketStarts[bucket] ?? 0; entry < end; entry++) {
      if (table.words[entry] !== word || table.nextWords[entry] !== next) continue;
      if (!this.#onEntry(table, entry, bytesOffset)) return false;
    }
    return true;
  }

  short(word: number, bytesOffset: number): boolean {
    return this.#bucket(this.#filter.short, word, bytesOffset);
  }

  /** Looks at the windows that begin at `from..to`. */
  dense(from: number, to: number): boolean {
    const end = Math.min(to, this.#bytes.length - WINDOW_BYTES + 1);
    for (let at = from; at < end; at++)
      if (!this.#bucket(this.#filter.dense, windowWord(this.#bytes, at) | FOLD_WORD, at)) return false;
    return true;
  }

  #bucket(table: AnchorTable, word: number, bytesOffset: number): boolean {
    if (!isInBitmap(table, hashWindow(word, table.bitmapBits))) return true;
    const bucket = hashWindow(word, table.bucketBits);
    const end = table.bucketStarts[bucket + 1] ?? 0;
    for (let entry = table.bucketStarts[bucket] ?? 0; entry < end; entry++) {
      if (table.words[entry] === word && !this.#onEntry(table, entry, bytesOffset)) return false;
    }
    return true;
  }
}

function isInBitmap({ bitmap }: AnchorTable, bit: number): boolean {
  return (((bitmap[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) !== 0;
}

/** The words of the core and a little beyond, and where the first of them stands in the bytes. */
function alignedWords({ bytes, coreStart, coreEnd }: InputWindow): {
  readonly words: Int32Array;
  readonly first: number;
} {
  // Neighbouring windows may be aligned differently; reaching over the seam by one stride covers every run there.
  const from = Math.max(0, coreStart - STRIDE_BYTES);
  const to = Math.min(bytes.length, coreEnd + STRIDE_BYTES + LONG_WINDOW_BYTES);
  const misalignment = (bytes.byteOffset + from) % STRIDE_BYTES;
  const first = misalignment === 0 ? from : from + STRIDE_BYTES - misalignment;
  const count = Math.max(0, Math.floor((to - first) / STRIDE_BYTES));
  return { words: new Int32Array(bytes.buffer, count === 0 ? 0 : bytes.byteOffset + first, count), first };
}
