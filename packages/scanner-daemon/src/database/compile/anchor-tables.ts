import {
  hashLongWindow,
  hashWindow,
  STRIDE_BYTES,
  WINDOW_BYTES,
} from '../../engine/builtin/matcher/anchor-hash.js';
import {
  ANY_BYTE,
  NO_MASKS,
  type AnchorTable,
  type DenseTable,
  type PartTable,
  type PlacedTable,
  type SignatureFilter,
} from '../compiled-signatures.js';
import type { Anchor, AnchorKind } from './part-anchors.js';
import { Uint32List } from './growable-lists.js';
import type { PlacedPart } from './choose-triggers.js';
import { foldedWord } from './folded-part.js';

/** 4 KiB: stays in the first-level cache next to the data. */
const BITMAP_BITS_MIN = 15;
/** 512 KiB: past this the cache loses more than the filter gains. */
const BITMAP_BITS_MAX = 22;
/** Bits per entry, as a power of two: one random window in 64 passes for want of a better filter. */
const BITS_PER_ENTRY_LOG2 = 6;
const BUCKET_BITS_MIN = 4;

/** The windows of many anchors, by the table they go to. */
export class AnchorEntries {
  readonly #parts: PartTable;
  readonly #tables: Readonly<Record<AnchorKind, EntryList>> = {
    long: new EntryList(),
    short: new EntryList(),
    dense: new EntryList(),
  };
  readonly #unanchored = new Uint32List();
  readonly #placed: PlacedPart[] = [];

  constructor(parts: PartTable) {
    this.#parts = parts;
  }

  add({ kind, part, partOffset }: Anchor): void {
    const shifts = kind === 'dense' ? 1 : STRIDE_BYTES;
    for (let shift = 0; shift < shifts; shift++) {
      const at = partOffset + shift;
      this.#tables[kind].push({
        word: foldedWord(this.#parts, part, at),
        nextWord: kind === 'long' ? foldedWord(this.#parts, part, at + WINDOW_BYTES) : 0,
        part,
        partOffset: at,
      });
    }
  }

  addPlaced(part: PlacedPart): void {
    this.#placed.push(part);
  }

  addUnanchored(signature: number): void {
    this.#unanchored.push(signature);
  }

  /** The filter of these and those of `general`. */
  compile(general: AnchorEntries | undefined): SignatureFilter {
    const table = (kind: AnchorKind): AnchorTable => {
      const lists = [this.#tables[kind], ...(general === undefined ? [] : [general.#tables[kind]])];
      return compileTable(lists, kind === 'long');
    };
    const unanchored = new Uint32List();
    for (const { view } of [this.#unanchored, ...(general === undefined ? [] : [general.#unanchored])])
      for (const signature of view) unanchored.push(signature);
    const long = table('long');
    const short = table('short');
    return {
      ...compileWords(long, short),
      long,
      short,
      dense: withTrigrams(table('dense')),
      placed: this.#compilePlaced([...this.#placed, ...(general === undefined ? [] : general.#placed)]),
      unanchored: unanchored.shared(),
    };
  }

  /** In the order of their places, each place of a part on its own. */
  #compilePlaced(placedParts: readonly PlacedPart[]): PlacedTable {
    const places = placedParts
      .flatMap(({ part, fileOffset, maxShift }) =>
        Array.from({ length: maxShift + 1 }, (_none, shift) => ({ part, fileOffset: fileOffset + shift })),
      )
      .sort((a, b) => a.fileOffset - b.fileOffset || a.part - b.part);
    const parts = new Uint32List();
    const fileOffsets = new Uint32List();
    const firstBytes = new Uint32List();
    for (const { part, fileOffset } of places) {
      parts.push(part);
      fileOffsets.push(fileOffset);
      firstBytes.push(firstByteOf(this.#parts, part));
    }
    return {
      parts: parts.shared(),
      fileOffsets: fileOffsets.shared(),
      firstBytes: firstBytes.shared16(),
    };
  }
}

interface AnchorEntry {
  readonly word: number;
  readonly nextWord: number;
  readonly part: number;
  readonly partOffset: number;
}

class EntryList {
  readonly words = new Uint32List();
  readonly nextWords = new Uint32List();
  readonly parts = new Uint32List();
  readonly partOffsets = new Uint32List();

  push({ word, nextWord, part, partOffset }: AnchorEntry): void {
    this.words.push(word);
    this.nextWords.push(nextWord);
    this.parts.push(part);
    this.partOffsets.push(partOffset);
  }
}

function compileTable(lists: readonly EntryList[], isLong: boolean): AnchorTable {
  const total = lists.reduce((sum, list) => sum + list.words.length, 0);
  const bitmapBits = bitsFor(total);
  const bucketBits = Math.min(bitmapBits, Math.max(BUCKET_BITS_MIN, Math.ceil(Math.log2(total + 1))));
  const hash = (list: EntryList, index: number, bits: number): number => {
    const word = list.words.at(index);
    return isLong ? hashLongWindow(word, list.nextWords.at(index), bits) : hashWindow(word, bits);
  };
  const bitmap = newBitmap(bitmapBits);
  const bucketStarts = new Uint32Array(
    new SharedArrayBuffer((2 ** bucketBits + 1) * Uint32Array.BYTES_PER_ELEMENT),
  );
  forEachEntry(lists, (list, index) => {
    setBit(bitmap, hash(list, index, bitmapBits));
    const bucket = hash(list, index, bucketBits) + 1;
    bucketStarts[bucket] = (bucketStarts[bucket] ?? 0) + 1;
  });
  for (let bucket = 1; bucket < bucketStarts.length; bucket++)
    bucketStarts[bucket] = (bucketStarts[bucket] ?? 0) + (bucketStarts[bucket - 1] ?? 0);
  const next = bucketStarts.slice();
  const bytes32 = total * Uint32Array.BYTES_PER_ELEMENT;
  const words = new Int32Array(new SharedArrayBuffer(bytes32));
  const nextWords = new Int32Array(new SharedArrayBuffer(isLong ? bytes32 : 0));
  const parts = new Uint32Array(new SharedArrayBuffer(bytes32));
  const partOffsets = new Uint16Array(new SharedArrayBuffer(total * Uint16Array.BYTES_PER_ELEMENT));
  forEachEntry(lists, (list, index) => {
    const bucket = hash(list, index, bucketBits);
    const place = next[bucket] ?? 0;
    next[bucket] = place + 1;
    words[place] = list.words.at(index);
    if (isLong) nextWords[place] = list.nextWords.at(index);
    parts[place] = list.parts.at(index);
    partOffsets[place] = list.partOffsets.at(index);
  });
  return { bitmapBits, bitmap, bucketBits, bucketStarts, words, nextWords, parts, partOffsets };
}

/** The filter in front of the tables that are looked up word by word. */
function compileWords(
  long: AnchorTable,
  short: AnchorTable,
): Pick<SignatureFilter, 'wordBits' | 'wordBitmap'> {
  const words = [...long.words, ...short.words];
  const wordBits = bitsFor(words.length);
  const wordBitmap = newBitmap(wordBits);
  for (const word of words) setBit(wordBitmap, hashWindow(word, wordBits));
  return { wordBits, wordBitmap };
}

function withTrigrams(table: AnchorTable): DenseTable {
  const trigramBits = bitsFor(2 * table.words.length);
  const trigramBitmap = newBitmap(trigramBits);
  for (const word of table.words) {
    setBit(trigramBitmap, hashWindow(word << 8, trigramBits));
    setBit(trigramBitmap, hashWindow(word & 0xffffff00, trigramBits));
  }
  return { ...table, trigramBits, trigramBitmap };
}

function bitsFor(entryCount: number): number {
  const sizeLog2 = Math.ceil(Math.log2(entryCount + 1));
  return Math.min(BITMAP_BITS_MAX, Math.max(BITMAP_BITS_MIN, sizeLog2 + BITS_PER_ENTRY_LOG2));
}

function newBitmap(bits: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(2 ** bits / 8));
}

function setBit(bitmap: Uint32Array, bit: number): void {
  bitmap[bit >>> 5] = (bitmap[bit >>> 5] ?? 0) | (1 << (bit & 31));
}

function firstByteOf({ starts, values, maskStarts, masks }: PartTable, part: number): number {
  const maskStart = maskStarts[part] ?? NO_MASKS;
  if (maskStart !== NO_MASKS && masks[maskStart] !== 0xff) return ANY_BYTE;
  return values[starts[part] ?? 0] ?? ANY_BYTE;
}

function forEachEntry(lists: readonly EntryList[], visit: (list: EntryList, index: number) => void): void {
  for (const list of lists) for (let index = 0; index < list.words.length; index++) visit(list, index);
}
