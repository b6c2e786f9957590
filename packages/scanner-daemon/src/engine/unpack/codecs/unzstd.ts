import { Decompress } from 'fzstd';
import type { Decode, Decoded, DecodeLimits } from './decoded.js';
import { OutputBuffer } from './output-buffer.js';

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What zstd(1) decodes without --long: a frame that asks for more memory is refused. */
const WINDOW_MAX_BYTES = 128 * 1024 * 1024;
const FLAG_CHECKSUM = 0x04;
const DICTIONARY_ID_MASK = 0x03;
const BLOCK_TYPE_RLE = 1;
const BLOCK_TYPE_COMPRESSED = 2;
/** RFC 8878, 3.1.1.2.4: no block holds more. */
const BLOCK_MAX_BYTES = 128 * 1024;

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
    if (frame.windowBytes > WINDOW_MAX_BYTES) return ended(at, 'outOfMemory');
    const ending = decodeFrame(frame.header, source.subarray(frame.blocksAt, frame.end), output, limits);
    at = frame.end;
    if (ending !== 'complete') return ended(at, ending);
    if (!frame.isWhole) return ended(at, 'damaged');
  }
  return ended(Math.min(at, source.length), at === 0 ? 'damaged' : 'complete');
};

/** How a frame lies in the input. */
interface Frame {
  readonly windowBytes: number;
  /** What stands before the blocks, with a window no larger than they may fill. */
  readonly header: Uint8Array;
  readonly blocksAt: number;
  readonly end: number;
  readonly isWhole: boolean;
}

const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

/** Walks the blocks of the frame at `at` by their headers (RFC 8878, 3.1.1). */
function readFrame(source: Buffer, at: number): Frame {
  const descriptor = source[at + 4] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & FLAG_CHECKSUM) !== 0;
  const sizeFlag = (descriptor >> 6) as 0 | 1 | 2 | 3; // two bits
  const sizeFieldBytes = sizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeFlag];
  const dictionaryIdBytes = DICTIONARY_ID_BYTES[(descriptor & DICTIONARY_ID_MASK) as 0 | 1 | 2 | 3]; // two bits
  const sizeAt = at + 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes;
  const windowBytes = isSingleSegment
    ? readSize(source, sizeAt, sizeFieldBytes)
    : windowOf(source[at + 5] ?? 0);
  const blocksAt = sizeAt + sizeFieldBytes;
  const blocks = walkBlocks(source, blocksAt);
  const end = blocks.end + (hasChecksum ? 4 : 0);
  const neededBytes = Math.max(BLOCK_MAX_BYTES, blocks.outputMaxBytes);
  return {
    windowBytes,
    header:
      windowBytes <= neededBytes
        ? source.subarray(at, blocksAt)
        : headerWithWindow(source.subarray(at, sizeAt), dictionaryIdBytes, neededBytes),
    blocksAt,
    end: Math.min(end, source.length),
    isWhole: blocks.isWhole && end <= source.length,
  };
}

interface Blocks {
  readonly end: number;
  readonly isWhole: boolean;
  /** The most that may come out of them. */
  readonly outputMaxBytes: number;
}

function walkBlocks(source: Buffer, blocksAt: number): Blocks {
  let outputMaxBytes = 0;
  for (let end = blocksAt; end + 3 <= source.length;) {
    const header = source.readUIntLE(end, 3);
    const type = (header >> 1) & 3;
    const sizeBytes = header >> 3;
    outputMaxBytes += type === BLOCK_TYPE_COMPRESSED ? BLOCK_MAX_BYTES : sizeBytes;
    end += 3 + (type === BLOCK_TYPE_RLE ? 1 : sizeBytes);
    if ((header & 1) === 1) return { end, isWhole: true, outputMaxBytes };
  }
  return { end: source.length, isWhole: false, outputMaxBytes };
}

/**
 * The header of a frame with another window and without the size of the content. fzstd takes memory for the window at
 * once, and moves all of it for each block: a few bytes that ask for 128 MiB must not get them.
 */
function headerWithWindow(header: Buffer, dictionaryIdBytes: number, neededBytes: number): Uint8Array {
  const exponent = Math.ceil(Math.log2(neededBytes)) - 10;
  const descriptor = (header[4] ?? 0) & (FLAG_CHECKSUM | DICTIONARY_ID_MASK);
  const dictionaryId = header.subarray(header.length - dictionaryIdBytes);
  return Buffer.concat([header.subarray(0, 4), Buffer.from([descriptor, exponent << 3]), dictionaryId]);
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
  header: Uint8Array,
  blocks: Uint8Array,
  output: OutputBuffer,
  { mayContinue }: DecodeLimits,
): Decoded['ending'] {
  const decoder = new Decompress((piece) => {
    // The one way out of a push that would go on with the blocks it has.
    if (!output.append(piece)) throw new Interruption('overLimit');
    if (!mayContinue()) throw new Interruption('stopped');
  });
  try {
    decoder.push(header);
    for (let at = 0; at < blocks.length; at += CHUNK_BYTES) {
      if (!mayContinue()) return 'stopped';
      decoder.push(blocks.subarray(at, at + CHUNK_BYTES), at + CHUNK_BYTES >= blocks.length);
    }
    return 'complete';
  } catch (error) {
    return error instanceof Interruption ? error.ending : 'damaged';
  }
}

/** Never leaves this file. */
class Interruption extends Error {
  readonly ending: 'overLimit' | 'stopped';

  constructor(ending: Interruption['ending']) {
    super(ending);
    this.ending = ending;
  }
}
