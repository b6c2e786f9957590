import type { Decoded, DecodeLimits } from '../codecs/decoded.js';
import { decompressVba } from './vba-compression.js';

/** What every module begins with once it is decompressed ([MS-OVBA], 2.3.4.3). */
const MODULE_START = Buffer.from('\0Attribut', 'latin1');
/** The signature of the container and the header of its first chunk. */
const LEAD_BYTES = 3;

/**
 * The source of a VBA module. Its offset in the stream stands in the `dir` stream, which a hostile file can
 * falsify while Office goes on by other means; so the source is found by what it begins with.
 *
 * @param stream the content of one stream
 * @returns undefined where the stream holds no source.
 */
export function decompressVbaModule(stream: Buffer, limits: DecodeLimits): Decoded | undefined {
  for (let at = stream.indexOf(MODULE_START); at !== -1; at = stream.indexOf(MODULE_START, at + 1)) {
    const start = at - LEAD_BYTES;
    if (start < 0 || stream[start] !== 1) continue;
    const decoded = decompressVba(stream.subarray(start), limits);
    if (decoded.bytes.length > 0) return decoded;
  }
  return undefined;
}
