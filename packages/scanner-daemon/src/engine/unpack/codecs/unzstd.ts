import { Decompress } from 'fzstd';
import type { Decode, Decoded, DecodeLimits } from './decoded.js';
import { OutputBuffer } from './output-buffer.js';

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What zstd(1) decodes without --long: a frame that asks for more memory is refused. */
const WINDOW_MAX_BYTES = 128 * 1024 * 1024;
const BLOCK_TYPE_RLE = 1;

/** zstd (RFC 8878): all frames one after the other. */
export const unzstd: Decode = (bytes, limits) => {
  const output = new OutputBuffer(limits.limitBytes);
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ended = (consumedBytes: number, ending: Decoded['ending']): Decoded => ({
    bytes: output.bytes,
    consumedBytes,
    ending,
  });
  let at = 0;
  while (at + 8 <= source.length) {
    const magic = source.readUInt32LE(at);
    if ((magic & 0xfffffff0) === SKIPPABLE_MAGIC) {
      at += 8 + source.readUInt32LE(at + 4);
      continue;
    }
    if (magic !== MAGIC) break;
    const frame = readFrame(source, at);
    if (frame.windowBytes > WINDOW_MAX_BYTES) return ended(at, 'overLimit');
    const ending = decodeFrame(source.subarray(at, frame.end), output, limits);
    at = frame.end;
    if (ending !== 'complete') return ended(at, ending);
    if (!frame.isWhole) return ended(at, 'damaged');
  }
  return ended(Math.min(at, source.length), at === 0 ? 'damaged' : 'complete');
};

/** How a frame lies in the input. */
interface Frame {
  readonly windowBytes: number;
  readonly end: number;
  readonly isWhole: boolean;
}

const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

/** Walks the blocks of the frame at `at` by their headers (RFC 8878, 3.1.1). */
function readFrame(source: Buffer, at: number): Frame {
  const descriptor = source[at + 4] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  const sizeFlag = (descriptor >> 6) as 0 | 1 | 2 | 3; // two bits
  const sizeFieldBytes = sizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeFlag];
  const dictionaryIdBytes = DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3]; // two bits
  const sizeAt = at + 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes;
  const windowBytes = isSingleSegment
    ? readSize(source, sizeAt, sizeFieldBytes)
    : windowOf(source[at + 5] ?? 0);
  let end = sizeAt + sizeFieldBytes;
  while (end + 3 <= source.length) {
    const header = source.readUIntLE(end, 3);
    const type = (header >> 1) & 3;
    end += 3 + (type === BLOCK_TYPE_RLE ? 1 : header >> 3);
    if ((header & 1) === 0) continue;
    end += hasChecksum ? 4 : 0;
    return { windowBytes, end: Math.min(end, source.length), isWhole: end <= source.length };
  }
  return { windowBytes, end: source.length, isWhole: false };
}

/** RFC 8878, 3.1.1.1.2. */
function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function readSize(source: Buffer, at: number, fieldBytes: number): number {
  let size = 0;
  for (let index = fieldBytes - 1; index >= 0; index -= 1) size = size * 256 + (source[at + index] ?? 0);
  return size;
}

const CHUNK_BYTES = 64 * 1024;

function decodeFrame(
  frame: Uint8Array,
  output: OutputBuffer,
  { mayContinue }: DecodeLimits,
): Decoded['ending'] {
  const decoder = new Decompress((piece) => {
    // The one way out of a push that would go on with the blocks it has.
    if (!output.append(piece)) throw new OutputFull();
  });
  try {
    for (let at = 0; at < frame.length; at += CHUNK_BYTES) {
      if (!mayContinue()) return 'stopped';
      decoder.push(frame.subarray(at, at + CHUNK_BYTES), at + CHUNK_BYTES >= frame.length);
    }
    return 'complete';
  } catch (error) {
    return error instanceof OutputFull ? 'overLimit' : 'damaged';
  }
}

/** Never leaves this file. */
class OutputFull extends Error {}
