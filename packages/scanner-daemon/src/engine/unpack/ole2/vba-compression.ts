import type { Decoded, DecodeLimits } from '../codecs/decoded.js';
import { OutputBuffer } from '../codecs/output-buffer.js';

/** What compressed data begins with. */
export const CONTAINER_SIGNATURE = 1;
const CHUNK_SIGNATURE = 3;
const CHUNK_OUTPUT_BYTES = 4096;

/**
 * VBA's compression ([MS-OVBA], 2.4.1): chunks of up to 4096 bytes of output, each with copies out of itself. What the
 * first byte is does not matter, as it does not to clamscan (observed).
 */
export function decompressVba(bytes: Buffer, limits: DecodeLimits): Decoded {
  const output = new OutputBuffer(limits.limitBytes);
  const ended = (consumedBytes: number, ending: Decoded['ending']): Decoded => ({
    bytes: output.bytes,
    consumedBytes,
    ending,
  });
  let at = 1;
  while (at + 2 <= bytes.length) {
    if (!limits.mayContinue()) return ended(at, 'stopped');
    const header = bytes.readUInt16LE(at);
    if (((header >> 12) & 7) !== CHUNK_SIGNATURE) return ended(at, at === 1 ? 'damaged' : 'complete');
    const end = Math.min(at + (header & 0xfff) + 3, bytes.length);
    const chunk = bytes.subarray(at + 2, end);
    const isCompressed = (header & 0x8000) !== 0;
    const ending = isCompressed ? decompressChunk(chunk, output) : copyChunk(chunk, output);
    if (ending !== 'complete') return ended(at, ending);
    at = end;
  }
  return ended(at, 'complete');
}

function copyChunk(chunk: Buffer, output: OutputBuffer): Decoded['ending'] {
  return output.append(chunk.subarray(0, CHUNK_OUTPUT_BYTES)) ? 'complete' : 'overLimit';
}

/** A byte of flags for eight tokens each: a literal, or a copy whose bits shift with the position in the chunk. */
function decompressChunk(chunk: Buffer, output: OutputBuffer): Decoded['ending'] {
  const start = output.sizeBytes;
  let at = 0;
  while (at < chunk.length) {
    const flags = chunk[at] ?? 0;
    at += 1;
    for (let bit = 0; bit < 8 && at < chunk.length; bit += 1) {
      if ((flags & (1 << bit)) === 0) {
        if (!output.push(chunk[at] ?? 0)) return 'overLimit';
        at += 1;
        continue;
      }
      if (at + 2 > chunk.length) return 'damaged';
      const position = output.sizeBytes - start;
      const token = chunk.readUInt16LE(at);
      at += 2;
      const offsetBits = Math.max(Math.ceil(Math.log2(Math.max(position, 1))), 4);
      const lengthBytes = (token & (0xffff >> offsetBits)) + 3;
      const distanceBytes = (token >> (16 - offsetBits)) + 1;
      if (distanceBytes > position) return 'damaged';
      if (position + lengthBytes > CHUNK_OUTPUT_BYTES) return 'damaged';
      if (!output.repeat(distanceBytes, lengthBytes)) return 'overLimit';
    }
  }
  return 'complete';
}
