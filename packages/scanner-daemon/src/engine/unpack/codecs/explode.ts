import { BitReader } from './bit-reader.js';
import type { Decode, Decoded } from './decoded.js';
import { huffmanCode, takeSymbol, type HuffmanCode } from './huffman.js';
import { OutputBuffer } from './output-buffer.js';

/** How an imploded entry is coded, from the general purpose flags (APPNOTE.TXT, 4.4.4). */
export interface ImplodeOptions {
  /** Flag 1: a dictionary of 8 KiB instead of 4 KiB. */
  readonly hasLargeDictionary: boolean;
  /** Flag 2: a Shannon-Fano tree for literals, too. */
  readonly hasLiteralTree: boolean;
}

const MATCH_LENGTH_EXTRA = 63;
const CHECK_MASK = 0xfff;

/** PKWARE's implode (APPNOTE.TXT, 5.3). Has no mark of its end: `limits.expected` says how much there is. */
export function explode(options: ImplodeOptions): Decode {
  return (bytes, limits) => {
    const reader = new BitReader(bytes);
    const expectedBytes = limits.expected?.sizeBytes ?? 0;
    const output = new OutputBuffer(Math.min(expectedBytes, limits.limitBytes));
    const ended = (ending: Decoded['ending']): Decoded => ({
      bytes: output.bytes,
      consumedBytes: bytes.length,
      ending,
    });
    const literals = options.hasLiteralTree ? readTree(reader, 256) : undefined;
    const lengths = readTree(reader, 64);
    const distances = readTree(reader, 64);
    if (lengths === undefined || distances === undefined) return ended('damaged');
    if (options.hasLiteralTree && literals === undefined) return ended('damaged');
    for (let tokens = 1; output.sizeBytes < output.limitBytes; tokens += 1) {
      if ((tokens & CHECK_MASK) === 0 && !limits.mayContinue()) return ended('stopped');
      const isLiteral = reader.take(1);
      if (isLiteral < 0) return ended('damaged');
      const isGood =
        isLiteral === 1
          ? takeLiteral(reader, literals, output)
          : takeMatch({ reader, lengths, distances, output }, options);
      if (!isGood) return ended('damaged');
    }
    return ended(output.limitBytes < expectedBytes ? 'overLimit' : 'complete');
  };
}

function takeLiteral(reader: BitReader, literals: HuffmanCode | undefined, output: OutputBuffer): boolean {
  const literal = literals === undefined ? reader.take(8) : takeSymbol(reader, literals, 1);
  return literal >= 0 && output.push(literal);
}

interface MatchState {
  readonly reader: BitReader;
  readonly lengths: HuffmanCode;
  readonly distances: HuffmanCode;
  readonly output: OutputBuffer;
}

function takeMatch({ reader, lengths, distances, output }: MatchState, options: ImplodeOptions): boolean {
  const lowBits = options.hasLargeDictionary ? 7 : 6;
  const low = reader.take(lowBits);
  const high = takeSymbol(reader, distances, 1);
  const length = takeSymbol(reader, lengths, 1);
  if (low < 0 || high < 0 || length < 0) return false;
  const extra = length === MATCH_LENGTH_EXTRA ? reader.take(8) : 0;
  if (extra < 0) return false;
  let lengthBytes = length + extra + (options.hasLiteralTree ? 3 : 2);
  const distanceBytes = ((high << lowBits) | low) + 1;
  // What lies before the first byte is zeros.
  for (; lengthBytes > 0 && distanceBytes > output.sizeBytes; lengthBytes -= 1)
    if (!output.push(0)) return true;
  if (lengthBytes > 0) output.repeat(distanceBytes, lengthBytes);
  return true;
}

/** A tree: a count of bytes, each of which gives a number of codes (high half) one length (low half). */
function readTree(reader: BitReader, symbolCount: number): HuffmanCode | undefined {
  const lengths = new Uint8Array(symbolCount);
  const byteCount = reader.take(8) + 1;
  let at = 0;
  for (let index = 0; index < byteCount; index += 1) {
    const byte = reader.take(8);
    if (byte < 0) return undefined;
    const repeat = (byte >> 4) + 1;
    if (at + repeat > symbolCount) return undefined;
    lengths.fill((byte & 0xf) + 1, at, at + repeat);
    at += repeat;
  }
  return at === symbolCount ? huffmanCode(lengths) : undefined;
}
