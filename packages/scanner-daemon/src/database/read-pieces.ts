import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** Bytes a piece: enough that taking them dwarfs asking for them. */
const PIECE_BYTES = 256 * 1024;
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/** Which bytes of a file are read. */
export interface PieceRange {
  /** From the start of the file. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
  /** Unpacks what is gzip at `start`, and leaves alone what is not. */
  readonly unzips?: boolean;
}

/**
 * The bytes of a file in pieces of 256 KiB or less, which stay valid. Ends where the file does. The handle stays open.
 *
 * @throws the system's error, or that of zlib for a damaged or truncated archive.
 */
export async function* readPieces(handle: FileHandle, range: PieceRange): AsyncGenerator<Buffer> {
  if (range.unzips === true && (await startsWithGzip(handle, range.start))) {
    yield* unzip(readRaw(handle, range));
  } else {
    yield* readRaw(handle, range);
  }
}

/** The next piece is read while the last one is taken: both the thread pool and the caller have something to do. */
async function* readRaw(handle: FileHandle, { start, end }: PieceRange): AsyncGenerator<Buffer> {
  let position = start;
  let arriving = readPiece(handle, position, end);
  try {
    for (;;) {
      const piece = await arriving;
      if (piece.length === 0) return;
      position += piece.length;
      arriving = readPiece(handle, position, end);
      yield piece;
    }
  } finally {
    // Who stops early closes the file: not while it is being read.
    await arriving.catch(() => undefined);
  }
}

/** Empty at `end`, and where the file ends. Whoever awaits it is told of a failure, and nobody else. */
function readPiece(handle: FileHandle, position: number, end: number): Promise<Buffer> {
  const arriving = readAt(handle, position, end);
  arriving.catch(() => undefined);
  return arriving;
}

async function readAt(handle: FileHandle, position: number, end: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, end - position));
  if (buffer.length === 0) return buffer;
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
  return buffer.subarray(0, bytesRead);
}

async function* unzip(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  const source = Readable.from(pieces, { objectMode: false, highWaterMark: PIECE_BYTES });
  source.once('error', (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  try {
    // A gunzip stream yields buffers: it has no encoding.
    for await (const piece of gunzip) yield piece as Buffer;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

async function startsWithGzip(handle: FileHandle, position: number): Promise<boolean> {
  const magic = Buffer.alloc(GZIP_MAGIC.length);
  await handle.read(magic, 0, magic.length, position);
  return magic.equals(GZIP_MAGIC);
}
