import { hashWindow, STRIDE_BYTES, windowWord } from '../engine/builtin/matcher/anchor-hash.js';
import type { AnchorTable, BodyFilter } from './compiled-database.js';
import type { Anchor } from './choose-anchor.js';
import type { BodySignature } from './readers/body-signature.js';
import { sharedInt32, sharedUint32 } from './shared-arrays.js';

/** A signature, its number, the number of its first part, and its anchor. */
export interface AnchoredSignature {
  readonly signature: BodySignature;
  readonly index: number;
  readonly firstPart: number;
  readonly anchor: Anchor | undefined;
}

/** 4 KiB: stays in the first-level cache next to the data. */
const BITMAP_BITS_MIN = 15;
/** 2 MiB: past this the cache loses more than the filter gains. */
const BITMAP_BITS_MAX = 24;
/** Bits per entry, as a power of two: one random window in 64 passes for want of a better filter. */
const BITS_PER_ENTRY_LOG2 = 6;
const BUCKET_BITS_MIN = 4;

interface AnchorEntry {
  readonly word: number;
  readonly part: number;
  readonly partOffset: number;
}

/** Builds what one type of file is filtered by, from the signatures that apply to it. */
export function compileFilter(signatures: readonly AnchoredSignature[]): BodyFilter {
  const strided: AnchorEntry[] = [];
  const dense: AnchorEntry[] = [];
  const unanchored: number[] = [];
  for (const { signature, index, firstPart, anchor } of signatures) {
    const part = anchor === undefined ? undefined : signature.parts[anchor.partIndex];
    if (anchor === undefined || part === undefined) {
      unanchored.push(index);
      continue;
    }
    const alignments = anchor.isStrided ? STRIDE_BYTES : 1;
    for (let shift = 0; shift < alignments; shift++) {
      const partOffset = anchor.partOffset + shift;
      const entry = {
        word: windowWord(part.values, partOffset),
        part: firstPart + anchor.partIndex,
        partOffset,
      };
      (anchor.isStrided ? strided : dense).push(entry);
    }
  }
  return {
    strided: compileTable(strided),
    dense: compileTable(dense),
    unanchored: sharedUint32(unanchored),
    hasTargeted: signatures.some(({ signature }) => signature.target !== 0),
  };
}

function compileTable(entries: readonly AnchorEntry[]): AnchorTable {
  const sizeLog2 = Math.ceil(Math.log2(entries.length + 1));
  const bitmapBits = Math.min(BITMAP_BITS_MAX, Math.max(BITMAP_BITS_MIN, sizeLog2 + BITS_PER_ENTRY_LOG2));
  const bucketBits = Math.min(bitmapBits, Math.max(BUCKET_BITS_MIN, sizeLog2 + 1));
  const bitmap = new Uint32Array(new SharedArrayBuffer(2 ** bitmapBits / 8));
  const counts = new Uint32Array(2 ** bucketBits);
  for (const { word } of entries) {
    const bit = hashWindow(word, bitmapBits);
    bitmap[bit >>> 5] = (bitmap[bit >>> 5] ?? 0) | (1 << (bit & 31));
    const bucket = hashWindow(word, bucketBits);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  const bucketStarts = new Uint32Array(
    new SharedArrayBuffer((counts.length + 1) * Uint32Array.BYTES_PER_ELEMENT),
  );
  counts.forEach((count, bucket) => {
    bucketStarts[bucket + 1] = (bucketStarts[bucket] ?? 0) + count;
  });
  const sorted = [...entries].sort((a, b) => hashWindow(a.word, bucketBits) - hashWindow(b.word, bucketBits));
  return {
    bitmapBits,
    bitmap,
    bucketBits,
    bucketStarts,
    words: sharedInt32(sorted.map((entry) => entry.word)),
    parts: sharedUint32(sorted.map((entry) => entry.part)),
    partOffsets: sharedUint32(sorted.map((entry) => entry.partOffset)),
  };
}
