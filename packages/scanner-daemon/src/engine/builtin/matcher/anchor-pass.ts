import type { AnchorTable } from '../../../database/compiled-database.js';
import { HASH_MULTIPLIER, hashWindow, STRIDE_BYTES, WINDOW_BYTES, windowWord } from './anchor-hash.js';
import type { InputWindow } from './input-window.js';

// See anchor-hash.ts.
const { imul } = Math;

/**
 * Told of each window of four bytes that passed the filter: its value and where it begins in the bytes.
 *
 * @returns false to end the pass.
 */
export type CandidateSink = (table: AnchorTable, word: number, bytesOffset: number) => boolean;

/** Looks at every fourth position of the core, through the words that lie aligned in memory. */
export function passStrided(table: AnchorTable, window: InputWindow, onCandidate: CandidateSink): void {
  if (table.words.length === 0) return;
  const { bytes } = window;
  // Neighbouring windows may be aligned differently; reaching over the seam by one stride covers every run there.
  const from = Math.max(0, window.coreStart - STRIDE_BYTES);
  const to = Math.min(bytes.length, window.coreEnd + STRIDE_BYTES + WINDOW_BYTES);
  const misalignment = (bytes.byteOffset + from) % STRIDE_BYTES;
  const first = misalignment === 0 ? from : from + STRIDE_BYTES - misalignment;
  const count = Math.floor((to - first) / STRIDE_BYTES);
  if (count <= 0) return;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + first, count);
  const { bitmap } = table;
  const shift = 32 - table.bitmapBits;
  for (let index = 0; index < count; index++) {
    const word = words[index] ?? 0;
    const bit = imul(word, HASH_MULTIPLIER) >>> shift;
    if ((((bitmap[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 0) continue;
    if (!onCandidate(table, word, first + index * STRIDE_BYTES)) return;
  }
}

/** Looks at every position of the core: four to an aligned word, one by one at the ragged ends. */
export function passDense(table: AnchorTable, window: InputWindow, onCandidate: CandidateSink): void {
  if (table.words.length === 0) return;
  const { bytes, coreStart } = window;
  const end = Math.min(window.coreEnd, bytes.length - WINDOW_BYTES + 1);
  const misalignment = (bytes.byteOffset + coreStart) % WINDOW_BYTES;
  const first = Math.min(end, misalignment === 0 ? coreStart : coreStart + WINDOW_BYTES - misalignment);
  const count = Math.max(0, Math.floor((end - first) / WINDOW_BYTES) - 1);
  const middle = first + count * WINDOW_BYTES;
  if (!passEach(table, bytes, { from: coreStart, to: first }, onCandidate)) return;
  const words = new Int32Array(
    bytes.buffer,
    count === 0 ? 0 : bytes.byteOffset + first,
    count === 0 ? 0 : count + 1,
  );
  const { bitmap } = table;
  const shift = 32 - table.bitmapBits;
  let word = words[0] ?? 0;
  for (let index = 0; index < count; index++) {
    const next = words[index + 1] ?? 0;
    const bit0 = imul(word, HASH_MULTIPLIER) >>> shift;
    const bit1 = imul((word >>> 8) | (next << 24), HASH_MULTIPLIER) >>> shift;
    const bit2 = imul((word >>> 16) | (next << 16), HASH_MULTIPLIER) >>> shift;
    const bit3 = imul((word >>> 24) | (next << 8), HASH_MULTIPLIER) >>> shift;
    const passed =
      ((bitmap[bit0 >>> 5] ?? 0) >>> (bit0 & 31)) |
      ((bitmap[bit1 >>> 5] ?? 0) >>> (bit1 & 31)) |
      ((bitmap[bit2 >>> 5] ?? 0) >>> (bit2 & 31)) |
      ((bitmap[bit3 >>> 5] ?? 0) >>> (bit3 & 31));
    if ((passed & 1) !== 0) {
      const from = first + index * WINDOW_BYTES;
      if (!passEach(table, bytes, { from, to: from + WINDOW_BYTES }, onCandidate)) return;
    }
    word = next;
  }
  passEach(table, bytes, { from: middle, to: end }, onCandidate);
}

/** Looks at the windows that begin at `from..to`, each of them within the bytes. Returns false when told to end. */
function passEach(
  table: AnchorTable,
  bytes: Uint8Array,
  { from, to }: { from: number; to: number },
  onCandidate: CandidateSink,
): boolean {
  for (let at = from; at < to; at++) {
    const word = windowWord(bytes, at);
    const bit = hashWindow(word, table.bitmapBits);
    const isCandidate = (((table.bitmap[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) !== 0;
    if (isCandidate && !onCandidate(table, word, at)) return false;
  }
  return true;
}

/** The entries of a table that may have this word: a range of entry numbers. */
export function bucketOf(table: AnchorTable, word: number): { readonly start: number; readonly end: number } {
  const bucket = hashWindow(word, table.bucketBits);
  return { start: table.bucketStarts[bucket] ?? 0, end: table.bucketStarts[bucket + 1] ?? 0 };
}
