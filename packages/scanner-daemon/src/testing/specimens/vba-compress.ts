const CHUNK_BYTES = 4096;
/** What a chunk may come to: its header gives the length less three in twelve bits. */
const PACKED_CHUNK_MAX_BYTES = 4096;
const COPY_MIN_BYTES = 3;
const TOKENS_PER_FLAGS = 8;
const COMPRESSED_CHUNK = 0xb000;
/** A shorter longest copy makes other tokens of the same bytes. */
const LONGEST_COPIES_BYTES = [4096, 64, 48, 40, 32, 24, 20, 16, 12, 10, 8, 7, 6, 5, 4];

/**
 * VBA's compression ([MS-OVBA], 2.4.1.3), written so that clamscan 1.4.6 reads it (observed): it does not find what follows
 * a chunk that was left uncompressed, nor what follows a chunk whose tokens fill their last byte of flags.
 *
 * @returns undefined where a chunk does not compress like that.
 */
export function compressVba(source: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [Uint8Array.of(1)];
  for (let start = 0; start < source.length; start += CHUNK_BYTES) {
    const chunk = source.subarray(start, start + CHUNK_BYTES);
    const tokens = tokensOf(chunk);
    if (tokens === undefined) return undefined;
    const header = Buffer.alloc(2);
    header.writeUInt16LE(COMPRESSED_CHUNK | (tokens.length - 1));
    parts.push(header, tokens);
  }
  return Buffer.concat(parts);
}

function tokensOf(chunk: Uint8Array): Uint8Array | undefined {
  for (const longestBytes of LONGEST_COPIES_BYTES) {
    const { bytes, count } = compressChunk(chunk, longestBytes);
    if (bytes.length > PACKED_CHUNK_MAX_BYTES) return undefined;
    if (chunk.length < CHUNK_BYTES || count % TOKENS_PER_FLAGS !== 0) return bytes;
  }
  return undefined;
}

function compressChunk(
  chunk: Uint8Array,
  longestBytes: number,
): { readonly bytes: Uint8Array; readonly count: number } {
  const bytes: number[] = [];
  const lastSeen = new Map<number, number>();
  let flagsAt = 0;
  let count = 0;
  for (let at = 0; at < chunk.length; count += 1) {
    const bit = count % TOKENS_PER_FLAGS;
    if (bit === 0) flagsAt = bytes.push(0) - 1;
    const copy = copyAt(chunk, { at, earlier: lastSeen.get(keyAt(chunk, at)), longestBytes });
    if (copy === undefined) bytes.push(chunk[at] ?? 0);
    else {
      bytes.push(copy.token & 0xff, copy.token >> 8);
      bytes[flagsAt] = (bytes[flagsAt] ?? 0) | (1 << bit);
    }
    const end = at + (copy?.lengthBytes ?? 1);
    for (; at < end; at += 1) lastSeen.set(keyAt(chunk, at), at);
  }
  return { bytes: Uint8Array.from(bytes), count };
}

/** The bytes that a copy has at least, as one number. */
function keyAt(chunk: Uint8Array, at: number): number {
  return ((chunk[at] ?? 0) << 16) | ((chunk[at + 1] ?? 0) << 8) | (chunk[at + 2] ?? 0);
}

interface Copy {
  readonly token: number;
  readonly lengthBytes: number;
}

interface CopyPlace {
  readonly at: number;
  /** Where the first three bytes stood before. */
  readonly earlier: number | undefined;
  readonly longestBytes: number;
}

/** The further into the chunk, the more bits of a token are its distance (2.4.1.3.19.1). */
function copyAt(chunk: Uint8Array, { at, earlier, longestBytes }: CopyPlace): Copy | undefined {
  if (earlier === undefined) return undefined;
  const distanceBits = Math.max(Math.ceil(Math.log2(at)), 4);
  const mostBytes = Math.min((0xffff >> distanceBits) + COPY_MIN_BYTES, chunk.length - at, longestBytes);
  let lengthBytes = 0;
  while (lengthBytes < mostBytes && chunk[earlier + lengthBytes] === chunk[at + lengthBytes])
    lengthBytes += 1;
  if (lengthBytes < COPY_MIN_BYTES) return undefined;
  const token = ((at - earlier - 1) << (16 - distanceBits)) | (lengthBytes - COPY_MIN_BYTES);
  return { token, lengthBytes };
}
