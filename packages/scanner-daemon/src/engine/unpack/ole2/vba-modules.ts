import type { Decoded, DecodeLimits } from '../codecs/decoded.js';
import { CONTAINER_SIGNATURE, decompressVba } from './vba-compression.js';

/** What every module begins with once it is decompressed ([MS-OVBA], 2.3.4.3). */
const MODULE_START = Buffer.from('\0Attribut', 'latin1');
/** The signature of the container and the header of its first chunk. */
const LEAD_BYTES = 3;

/**
 * The sources in the stream of a VBA module: the one that the project's list points to, and the first one that begins as a
 * module does. A hostile file can falsify or leave out the list while Office goes on by other means.
 *
 * @param stream the content of one stream
 * @param listedOffset from the project's list, which may lie
 */
export function* vbaSources(
  stream: Buffer,
  listedOffset: number | undefined,
  limitsNow: () => DecodeLimits,
): Generator<Decoded> {
  if (listedOffset !== undefined) {
    const listed = decompressVba(stream.subarray(listedOffset), limitsNow());
    if (listed.bytes.length > 0) yield listed;
  }
  for (let at = stream.indexOf(MODULE_START); at !== -1; at = stream.indexOf(MODULE_START, at + 1)) {
    const offset = at - LEAD_BYTES;
    if (offset < 0 || stream[offset] !== CONTAINER_SIGNATURE) continue;
    if (offset === listedOffset) return;
    const found = decompressVba(stream.subarray(offset), limitsNow());
    if (found.bytes.length === 0) continue;
    yield found;
    return;
  }
}
