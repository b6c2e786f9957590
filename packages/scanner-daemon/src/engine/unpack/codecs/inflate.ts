import { inflateRawSync } from 'node:zlib';
import { BitReader } from './bit-reader.js';
import type { Decoded, DecodeLimits } from './decoded.js';
import { huffmanCode, takeSymbol, type HuffmanCode } from './huffman.js';
import { OutputBuffer } from './output-buffer.js';

/** Raw deflate (RFC 1951): zlib where the stream is good and fits, our own decoder for what precedes damage. */
export function inflate(bytes: Uint8Array, limits: DecodeLimits): Decoded {
  if (limits.limitBytes < 1) return inflateSlowly(bytes, limits, DEFLATE);
  try {
    // @types/node does not know what `info` does to the result.
    const { buffer, engine } = inflateRawSync(bytes, {
      maxOutputLength: limits.limitBytes,
      info: true,
    }) as unknown as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
    return { bytes: buffer, consumedBytes: engine.bytesWritten, ending: 'complete' };
  } catch {
    return inflateSlowly(bytes, limits, DEFLATE);
  }
}

/** Deflate64: a window of 64 KiB, longer matches and two more distances. */
export function inflate64(bytes: Uint8Array, limits: DecodeLimits): Decoded {
  return inflateSlowly(bytes, limits, DEFLATE64);
}

/** In what deflate and deflate64 differ. */
interface Dialect {
  readonly distanceCodes: number;
  /** Base and extra bits of the last length code, 285. */
  readonly lastLength: { readonly base: number; readonly extraBits: number };
}
const DEFLATE: Dialect = { distanceCodes: 30, lastLength: { base: 258, extraBits: 0 } };
const DEFLATE64: Dialect = { distanceCodes: 32, lastLength: { base: 3, extraBits: 16 } };

const FIRST_LENGTH_CODE = 257;
const LAST_LENGTH_CODE = 285;
const END_OF_BLOCK = 256;
/** RFC 1951, 3.2.7: the order in which the lengths of the code length code come. */
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/** How many symbols are decoded between two looks at the clock. */
const SYMBOLS_PER_CHECK = 4096;

type BlockEnding = 'blockEnd' | Exclude<Decoded['ending'], 'complete'>;
interface BlockCodes {
  readonly literals: HuffmanCode;
  readonly distances: HuffmanCode;
}

function inflateSlowly(bytes: Uint8Array, limits: DecodeLimits, dialect: Dialect): Decoded {
  const reader = new BitReader(bytes);
  const output = new OutputBuffer(limits.limitBytes);
  const ended = (ending: Decoded['ending']): Decoded => ({
    bytes: output.bytes,
    consumedBytes: reader.consumedBytes,
    ending,
  });
  for (;;) {
    if (!limits.mayContinue()) return ended('stopped');
    const isLast = reader.take(1);
    const type = reader.take(2);
    if (isLast < 0 || type < 0) return ended('damaged');
    const ending =
      type === 0
        ? copyStored(reader, output)
        : decodeBlock(readCodes(reader, type), { reader, output, dialect, limits });
    if (ending !== 'blockEnd') return ended(ending);
    if (isLast === 1) return ended('complete');
  }
}

function copyStored(reader: BitReader, output: OutputBuffer): BlockEnding {
  reader.alignToByte();
  const lengthBytes = reader.take(16);
  const complement = reader.take(16);
  if (lengthBytes < 0 || (lengthBytes ^ complement) !== 0xffff) return 'damaged';
  const piece = reader.takeBytes(lengthBytes);
  if (!output.append(piece)) return 'overLimit';
  return piece.length === lengthBytes ? 'blockEnd' : 'damaged';
}

interface BlockState {
  readonly reader: BitReader;
  readonly output: OutputBuffer;
  readonly dialect: Dialect;
  readonly limits: DecodeLimits;
}

function decodeBlock(codes: BlockCodes | undefined, state: BlockState): BlockEnding {
  if (codes === undefined) return 'damaged';
  const { reader, output, dialect, limits } = state;
  for (let symbols = 1; ; symbols += 1) {
    if (symbols % SYMBOLS_PER_CHECK === 0 && !limits.mayContinue()) return 'stopped';
    const symbol = takeSymbol(reader, codes.literals);
    if (symbol < 0 || symbol > LAST_LENGTH_CODE) return 'damaged';
    if (symbol === END_OF_BLOCK) return 'blockEnd';
    if (symbol < END_OF_BLOCK) {
      if (!output.push(symbol)) return 'overLimit';
      continue;
    }
    const lengthBytes = takeLength(reader, symbol, dialect);
    const distanceBytes = takeDistance(reader, takeSymbol(reader, codes.distances), dialect);
    if (lengthBytes < 0 || distanceBytes < 0 || distanceBytes > output.sizeBytes) return 'damaged';
    if (!output.repeat(distanceBytes, lengthBytes)) return 'overLimit';
  }
}

/** RFC 1951, 3.2.5: four codes for each number of extra bits, from 0 up. */
function takeLength(reader: BitReader, symbol: number, { lastLength }: Dialect): number {
  const index = symbol - FIRST_LENGTH_CODE;
  if (symbol === LAST_LENGTH_CODE) return plusExtra(reader, lastLength.base, lastLength.extraBits);
  if (index < 8) return 3 + index;
  const extraBits = (index >> 2) - 1;
  return plusExtra(reader, 3 + ((4 + (index & 3)) << extraBits), extraBits);
}

/** RFC 1951, 3.2.5: two codes for each number of extra bits, from 0 up. */
function takeDistance(reader: BitReader, symbol: number, { distanceCodes }: Dialect): number {
  if (symbol < 0 || symbol >= distanceCodes) return -1;
  if (symbol < 4) return 1 + symbol;
  const extraBits = (symbol >> 1) - 1;
  return plusExtra(reader, 1 + ((2 + (symbol & 1)) << extraBits), extraBits);
}

function plusExtra(reader: BitReader, base: number, extraBits: number): number {
  const extra = reader.take(extraBits);
  return extra < 0 ? -1 : base + extra;
}

const FIXED_LITERAL_LENGTHS = Uint8Array.from({ length: 288 }, (_, symbol) => {
  if (symbol < 144) return 8;
  if (symbol < 256) return 9;
  return symbol < 280 ? 7 : 8;
});
const FIXED_DISTANCE_LENGTHS = new Uint8Array(32).fill(5);

function readCodes(reader: BitReader, type: number): BlockCodes | undefined {
  if (type === 1) return codesOf(FIXED_LITERAL_LENGTHS, FIXED_DISTANCE_LENGTHS);
  if (type !== 2) return undefined;
  const literalCount = reader.take(5) + 257;
  const distanceCount = reader.take(5) + 1;
  const lengthCount = reader.take(4) + 4;
  const lengthLengths = new Uint8Array(19);
  for (const symbol of CODE_LENGTH_ORDER.slice(0, lengthCount)) {
    const length = reader.take(3);
    if (length < 0) return undefined;
    lengthLengths[symbol] = length;
  }
  const lengthCode = huffmanCode(lengthLengths);
  if (lengthCode === undefined) return undefined;
  const lengths = readLengths(reader, lengthCode, literalCount + distanceCount);
  if (lengths === undefined) return undefined;
  return codesOf(lengths.subarray(0, literalCount), lengths.subarray(literalCount));
}

function codesOf(literalLengths: Uint8Array, distanceLengths: Uint8Array): BlockCodes | undefined {
  const literals = huffmanCode(literalLengths);
  const distances = huffmanCode(distanceLengths);
  return literals === undefined || distances === undefined ? undefined : { literals, distances };
}

/** RFC 1951, 3.2.7: lengths, and repetitions of the last length (16) or of zero (17, 18). */
function readLengths(reader: BitReader, code: HuffmanCode, count: number): Uint8Array | undefined {
  const lengths = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const symbol = takeSymbol(reader, code);
    if (symbol < 0) return undefined;
    if (symbol < 16) {
      lengths[at] = symbol;
      at += 1;
      continue;
    }
    const times = symbol === 18 ? 11 + reader.take(7) : 3 + reader.take(symbol === 16 ? 2 : 3);
    if (at + times > count || (symbol === 16 && at === 0)) return undefined;
    lengths.fill(symbol === 16 ? (lengths[at - 1] ?? 0) : 0, at, at + times);
    at += times;
  }
  return lengths;
}
