import { drawInteger, type Random } from '../bench/random.js';

/** What mutations start from, and what they put in. */
export interface Seeds {
  /** Good and nearly good inputs; at least one. */
  readonly corpus: readonly Buffer[];
  /** Pieces that mean something to the decoder; at least one. */
  readonly dictionary: readonly Buffer[];
}

/** Longest input. Past every bound of the decoders, and short enough for a thousand inputs a second. */
export const INPUT_MAX_BYTES = 16_384;

const ODD_BYTES = [0x00, 0x01, 0x0a, 0x0d, 0x20, 0x22, 0x23, 0x7f, 0x80, 0xff];
const ODD_LENGTHS = [0, 1, 2, 4, 255, 256, 4095, 65_535, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
const MUTATIONS_MAX = 8;
/** A word is repeated up to 4,096 times, seldom so often. */
const REPEAT_DOUBLINGS_MAX = 12;

type Mutation = (input: Buffer, seeds: Seeds, random: Random) => Buffer;

/** An input of the corpus, changed in one to eight ways. Pure but for `random`. */
export function mutate(seeds: Seeds, random: Random): Buffer {
  let input: Buffer = Buffer.from(pick(seeds.corpus, random));
  const times = drawInteger(random, 1, MUTATIONS_MAX);
  for (let n = 0; n < times; n += 1) {
    input = pick(MUTATIONS, random)(input, seeds, random).subarray(0, INPUT_MAX_BYTES);
  }
  return input;
}

/** One of them; there must be one. */
export function pick<Item>(items: readonly Item[], random: Random): Item {
  const item = items[drawInteger(random, 0, items.length - 1)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

const MUTATIONS: readonly Mutation[] = [
  function flipBit(input, _seeds, random) {
    const at = place(input, random);
    if (at < input.length) input.writeUInt8((input[at] ?? 0) ^ (1 << drawInteger(random, 0, 7)), at);
    return input;
  },
  function setByte(input, _seeds, random) {
    const at = place(input, random);
    if (at < input.length) input.writeUInt8(pick(ODD_BYTES, random), at);
    return input;
  },
  function insertWord(input, { dictionary }, random) {
    return insert(input, pick(dictionary, random), place(input, random));
  },
  function insertWordMuch(input, { dictionary }, random) {
    const word = pick(dictionary, random);
    const times = 2 ** drawInteger(random, 1, REPEAT_DOUBLINGS_MAX);
    return insert(
      input,
      Buffer.alloc(Math.min(word.length * times, INPUT_MAX_BYTES), word),
      place(input, random),
    );
  },
  function overwriteWord(input, { dictionary }, random) {
    pick(dictionary, random).copy(input, place(input, random));
    return input;
  },
  function insertLength(input, _seeds, random) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(pick(ODD_LENGTHS, random));
    return insert(input, length, place(input, random));
  },
  function insertNoise(input, _seeds, random) {
    const noise = Buffer.from(
      Array.from({ length: drawInteger(random, 1, 64) }, () => drawInteger(random, 0, 255)),
    );
    return insert(input, noise, place(input, random));
  },
  function removeRange(input, _seeds, random) {
    const [from, to] = range(input, random);
    return Buffer.concat([input.subarray(0, from), input.subarray(to)]);
  },
  function repeatRange(input, _seeds, random) {
    const [from, to] = range(input, random);
    return insert(input, input.subarray(from, to), to);
  },
  function cut(input, _seeds, random) {
    return input.subarray(0, place(input, random));
  },
  function splice(input, { corpus }, random) {
    const other = pick(corpus, random);
    return Buffer.concat([input.subarray(0, place(input, random)), other.subarray(place(other, random))]);
  },
];

function insert(input: Buffer, piece: Buffer, at: number): Buffer {
  return Buffer.concat([input.subarray(0, at), piece, input.subarray(at)]);
}

function place(input: Buffer, random: Random): number {
  return drawInteger(random, 0, input.length);
}

function range(input: Buffer, random: Random): readonly [number, number] {
  const from = place(input, random);
  return [from, drawInteger(random, from, input.length)];
}
