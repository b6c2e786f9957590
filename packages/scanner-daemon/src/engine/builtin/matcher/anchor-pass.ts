import type { AnchorTable, DenseTable } from '../../../database/compiled-signatures.js';
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

/** Looks at every fourth position of the core for windows of two words, through the words that lie aligned in memory. */
export function passLong(table: AnchorTable, window: InputWindow, onEntry: EntrySink): void {
  if (table.words.length === 0) return;
  const { words, first } = alignedWords(window, LONG_WINDOW_BYTES);
  const { bitmap } = table;
  const shift = 32 - table.bitmapBits;
  const last = words.length - 1;
  let word = (words[0] ?? 0) | FOLD_WORD;
  for (let index = 0; index < last; index++) {
    const next = (words[index + 1] ?? 0) | FOLD_WORD;
    const bit = (imul(word, HASH_MULTIPLIER) ^ imul(next, SECOND_MULTIPLIER)) >>> shift;
    if ((((bitmap[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) !== 0) {
      const bucket = hashLongWindow(word, next, table.bucketBits);
      const end = table.bucketStarts[bucket + 1] ?? 0;
      for (let entry = table.bucketStarts[bucket] ?? 0; entry < end; entry++) {
        if (table.words[entry] !== word || table.nextWords[entry] !== next) continue;
        if (!onEntry(table, entry, first + index * STRIDE_BYTES)) return;
      }
    }
    word = next;
  }
}

/** Looks at every fourth position of the core for windows of one word. */
export function passShort(table: AnchorTable, window: InputWindow, onEntry: EntrySink): void {
  if (table.words.length === 0) return;
  const { words, first } = alignedWords(window, WINDOW_BYTES);
  const { bitmap } = table;
  const shift = 32 - table.bitmapBits;
  for (let index = 0; index < words.length; index++) {
    const word = (words[index] ?? 0) | FOLD_WORD;
    const bit = imul(word, HASH_MULTIPLIER) >>> shift;
    if ((((bitmap[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 0) continue;
    if (!visitBucket(table, word, first + index * STRIDE_BYTES, onEntry)) return;
  }
}

/** Looks at every position of the core: four to an aligned word, one by one at the ragged ends. */
export function passDense(table: DenseTable, window: InputWindow, onEntry: EntrySink): void {
  if (table.words.length === 0) return;
  const { bytes, coreStart } = window;
  const end = Math.min(window.coreEnd, bytes.length - WINDOW_BYTES + 1);
  const misalignment = (bytes.byteOffset + coreStart) % WINDOW_BYTES;
  const first = Math.min(end, misalignment === 0 ? coreStart : coreStart + WINDOW_BYTES - misalignment);
  const count = Math.max(0, Math.floor((end - first) / WINDOW_BYTES) - 1);
  const middle = first + count * WINDOW_BYTES;
  if (!passEach(table, bytes, { from: coreStart, to: first }, onEntry)) return;
  const words = new Int32Array(
    bytes.buffer,
    count === 0 ? 0 : bytes.byteOffset + first,
    count === 0 ? 0 : count + 1,
  );
  const { pairs } = table;
  let word = (words[0] ?? 0) | FOLD_WORD;
  for (let index = 0; index < count; index++) {
    const next = (words[index + 1] ?? 0) | FOLD_WORD;
    const pair0 = pairs[word & 0xffff] ?? 0;
    const pair1 = pairs[(word >>> 8) & 0xffff] ?? 0;
    const pair2 = pairs[word >>> 16] ?? 0;
    const pair3 = pairs[(word >>> 24) | ((next & 0xff) << 8)] ?? 0;
    if (((pair0 | pair1 | pair2 | pair3) & 1) !== 0) {
      const pair4 = pairs[next & 0xffff] ?? 0;
      const pair5 = pairs[(next >>> 8) & 0xffff] ?? 0;
      // Its first pair and, two bytes on, its last one.
      const passed =
        (pair0 & (pair2 >>> 1)) | (pair1 & (pair3 >>> 1)) | (pair2 & (pair4 >>> 1)) | (pair3 & (pair5 >>> 1));
      if (passed === 0) {
        word = next;
        continue;
      }
      const from = first + index * WINDOW_BYTES;
      if (!passEach(table, bytes, { from, to: from + WINDOW_BYTES }, onEntry)) return;
    }
    word = next;
  }
  passEach(table, bytes, { from: middle, to: end }, onEntry);
}

/** The words of the core and a little beyond, and where the first of them stands in the bytes. */
function alignedWords(
  { bytes, coreStart, coreEnd }: InputWindow,
  windowBytes: number,
): { readonly words: Int32Array; readonly first: number } {
  // Neighbouring windows may be aligned differently; reaching over the seam by one stride covers every run there.
  const from = Math.max(0, coreStart - STRIDE_BYTES);
  const to = Math.min(bytes.length, coreEnd + STRIDE_BYTES + windowBytes);
  const misalignment = (bytes.byteOffset + from) % STRIDE_BYTES;
  const first = misalignment === 0 ? from : from + STRIDE_BYTES - misalignment;
  const count = Math.max(0, Math.floor((to - first) / STRIDE_BYTES));
  return { words: new Int32Array(bytes.buffer, count === 0 ? 0 : bytes.byteOffset + first, count), first };
}

/** Looks at the windows that begin at `from..to`, each of them within the bytes. Returns false when told to end. */
function passEach(
  table: AnchorTable,
  bytes: Uint8Array,
  { from, to }: { from: number; to: number },
  onEntry: EntrySink,
): boolean {
  for (let at = from; at < to; at++) {
    const word = windowWord(bytes, at) | FOLD_WORD;
    const bit = hashWindow(word, table.bitmapBits);
    const isCandidate = (((table.bitmap[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) !== 0;
    if (isCandidate && !visitBucket(table, word, at, onEntry)) return false;
  }
  return true;
}

function visitBucket(table: AnchorTable, word: number, bytesOffset: number, onEntry: EntrySink): boolean {
  const bucket = hashWindow(word, table.bucketBits);
  const end = table.bucketStarts[bucket + 1] ?? 0;
  for (let entry = table.bucketStarts[bucket] ?? 0; entry < end; entry++) {
    if (table.words[entry] === word && !onEntry(table, entry, bytesOffset)) return false;
  }
  return true;
}
