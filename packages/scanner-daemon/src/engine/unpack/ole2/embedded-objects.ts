import type { Decoded, DecodeLimits } from '../codecs/decoded.js';
import { inflate } from '../codecs/inflate.js';

/** Strings before the data of an embedded file: longer ones are none. */
const STRING_MAX_BYTES = 4096;
const NATIVE_HEADER_BYTES = 6;
const NATIVE_STREAM = Buffer.from('\u0001Ole10Native', 'utf16le');

/** The file in an `\1Ole10Native` stream ([MS-OLEDS], 2.3.6, and the packager's header); undefined for others. */
export function nativeObjectOf(name: Buffer, stream: Buffer): Buffer | undefined {
  if (!name.equals(NATIVE_STREAM)) return undefined;
  let at: number | undefined = NATIVE_HEADER_BYTES;
  for (let string = 0; string < 2 && at !== undefined; string += 1) at = afterString(stream, at);
  if (at === undefined || at + 8 > stream.length) return undefined;
  // Four bytes of flags, the path it came from with its length, the data with theirs.
  at += 8 + stream.readUInt32LE(at + 4);
  if (at + 4 > stream.length) return undefined;
  return stream.subarray(at + 4, at + 4 + stream.readUInt32LE(at));
}

function afterString(stream: Buffer, at: number): number | undefined {
  const end = stream.indexOf(0, at);
  return end === -1 || end - at > STRING_MAX_BYTES ? undefined : end + 1;
}

const POWERPOINT_STREAM = Buffer.from('PowerPoint Document', 'utf16le');
/** The header of a compressed ExOleObjStg record: version and instance, then the type ([MS-PPT], 2.10.34). */
const COMPRESSED_STORAGE = Buffer.from('10001110', 'hex');
const RECORD_HEADER_BYTES = 8;
const SIZE_BYTES = 4;
const ZLIB_HEADER_BYTES = 2;

/** The compound files that are packed into a `PowerPoint Document` stream; nothing for other streams. */
export function* presentationObjects(
  name: Buffer,
  stream: Buffer,
  limitsNow: () => DecodeLimits,
): Generator<Decoded> {
  if (!name.equals(POWERPOINT_STREAM)) return;
  let at = stream.indexOf(COMPRESSED_STORAGE);
  while (at !== -1 && at + RECORD_HEADER_BYTES <= stream.length) {
    if (!limitsNow().mayContinue()) return;
    const start = at + RECORD_HEADER_BYTES;
    const packed = stream.subarray(start, start + stream.readUInt32LE(at + 4));
    const decoded = inflate(packed.subarray(SIZE_BYTES + ZLIB_HEADER_BYTES), limitsNow());
    if (decoded.bytes.length > 0) yield decoded;
    at = stream.indexOf(COMPRESSED_STORAGE, at + 1);
  }
}
