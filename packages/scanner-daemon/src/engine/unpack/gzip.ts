import { bytesInput, type ScanInput } from '../engine.js';
import { inflate } from './codecs/inflate.js';
import { OutputBuffer } from './codecs/output-buffer.js';
import { ContainerWalk } from './container-walk.js';
import { readRange } from './input-range.js';
import type { UnpackContext, UnpackOutcome, Unpacker } from './unpacker.js';

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;

/**
 * gzip (RFC 1952). All members together are one entry, as for clamscan 1.4.6, which also scans what came out
 * before damage, ignores checksums and what trails, and scans nothing of what is larger than a limit.
 */
export const gzipUnpacker: Unpacker = { format: 'gzip', unpack: unpackGzip };

function unpackGzip(input: ScanInput, context: UnpackContext): UnpackOutcome {
  const walk = new ContainerWalk(context);
  const { budget } = context;
  const bytes = readRange(input, 0, input.sizeBytes);
  const output = new OutputBuffer(budget.unpackLimitBytes);
  let name = new Uint8Array(0);
  for (let at = 0; at < bytes.length && walk.mayContinue();) {
    const header = readHeader(bytes, at);
    if (header === undefined) {
      if (at === 0) walk.damaged();
      break;
    }
    if (at === 0) name = header.name;
    const limits = {
      limitBytes: output.limitBytes - output.sizeBytes,
      mayContinue: () => budget.mayContinue(),
    };
    const member = inflate(bytes.subarray(header.end), limits);
    output.append(member.bytes);
    at = header.end + member.consumedBytes + TRAILER_BYTES;
    if (member.ending === 'complete') continue;
    if (member.ending === 'damaged') walk.damaged();
    if (member.ending === 'overLimit') walk.limited(budget.refuseUnpacked());
    if (member.ending !== 'damaged') return walk.outcome();
    break;
  }
  if (output.sizeBytes > 0 && walk.mayContinue())
    walk.emit({ name, input: bytesInput(output.bytes), compressedSizeBytes: input.sizeBytes });
  return walk.outcome();
}

const FLAG_HEADER_CRC = 0x02;
const FLAG_EXTRA = 0x04;
const FLAG_NAME = 0x08;
const FLAG_COMMENT = 0x10;

/** Where the deflate stream of the member at `at` begins, and the file name; undefined where none begins. */
function readHeader(
  bytes: Uint8Array,
  at: number,
): { readonly end: number; readonly name: Uint8Array<ArrayBuffer> } | undefined {
  if (bytes[at] !== 0x1f || bytes[at + 1] !== 0x8b || bytes[at + 2] !== 8) return undefined;
  const flags = bytes[at + 3] ?? 0;
  let end = at + HEADER_BYTES;
  if (flags & FLAG_EXTRA) end += 2 + (bytes[end] ?? 0) + 256 * (bytes[end + 1] ?? 0);
  let name = new Uint8Array(0);
  if (flags & FLAG_NAME) {
    const nameEnd = bytes.indexOf(0, end);
    if (nameEnd === -1) return undefined;
    name = bytes.slice(end, nameEnd);
    end = nameEnd + 1;
  }
  if (flags & FLAG_COMMENT) {
    const commentEnd = bytes.indexOf(0, end);
    if (commentEnd === -1) return undefined;
    end = commentEnd + 1;
  }
  if (flags & FLAG_HEADER_CRC) end += 2;
  return end <= bytes.length ? { end, name } : undefined;
}
