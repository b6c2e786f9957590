import type { ContentSource } from '../file-content.js';

/** At the beginning of every content. */
export const stampBytes = 64;
/** What a client that copies a Node stream into INSTREAM sends as one chunk. */
const chunkBytes = 65_536;
const pieceBytes = 65_536;
const command = Buffer.from('zINSTREAM\0', 'latin1');
const endOfStream = Buffer.alloc(4);

/**
 * The bytes of one input: small ones are text twice of three times and noise otherwise, large ones begin with noise and change
 * every 64 KiB. The first 64 bytes are left for {@link stampRequest}.
 *
 * @param sizeBytes - at least 128
 */
export function makeContent(source: ContentSource, index: number, sizeBytes: number): Buffer {
  if (sizeBytes <= pieceBytes) return Buffer.from(source.contentOf(index, sizeBytes));
  const content = Buffer.allocUnsafe(sizeBytes);
  for (let offset = 0, piece = 0; offset < sizeBytes; offset += pieceBytes, piece += 1) {
    // Of three indices, one is noise: odd pieces are text.
    const kind = piece % 2 === 0 ? 2 : 0;
    const length = Math.min(pieceBytes, sizeBytes - offset);
    content.set(source.contentOf(piece * 3 + kind, Math.max(length, stampBytes)).subarray(0, length), offset);
  }
  return content;
}

/** Makes the content that begins at `offset` one that no request had before: clamd answers a content it knows from a cache. */
export function stampRequest(into: Buffer, offset: number, request: string): void {
  into.write(`${request} `.padEnd(stampBytes - 1, '.'), offset, stampBytes - 1, 'latin1');
  into[offset + stampBytes - 1] = 0x0a;
}

/** An INSTREAM request as few writes: what is stamped, and what all requests of a client share. */
export interface InstreamFrame {
  /** The command, the first chunk, and for small contents all the rest. */
  readonly head: Buffer;
  readonly stampOffset: number;
  /** The other chunks and the end; absent when the head holds all. */
  readonly tail?: Buffer;
}

/** Frames a content: a small one whole in `head`, a large one with 64 bytes in `head` and 64 KiB chunks in `tail`. */
export function frameInstream(content: Buffer): InstreamFrame {
  const stampOffset = command.length + 4;
  if (content.length <= chunkBytes)
    return { head: Buffer.concat([command, lengthWord(content.length), content, endOfStream]), stampOffset };
  const head = Buffer.concat([command, lengthWord(stampBytes), content.subarray(0, stampBytes)]);
  const chunks: Buffer[] = [];
  for (let offset = stampBytes; offset < content.length; offset += chunkBytes) {
    const chunk = content.subarray(offset, offset + chunkBytes);
    chunks.push(lengthWord(chunk.length), chunk);
  }
  return { head, stampOffset, tail: Buffer.concat([...chunks, endOfStream]) };
}

function lengthWord(length: number): Buffer {
  const word = Buffer.alloc(4);
  word.writeUInt32BE(length);
  return word;
}
