import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readPieces } from './read-pieces.js';

const SIZE_BYTES = 1_000_000;
const content = Buffer.from(Array.from({ length: SIZE_BYTES }, (_none, index) => index % 251));
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'read-pieces-'));
  writeFileSync(join(directory, 'plain'), content);
  writeFileSync(join(directory, 'packed'), Buffer.concat([Buffer.from('head'), gzipSync(content)]));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function withFile<Result>(name: string, use: (handle: FileHandle) => Promise<Result>): Promise<Result> {
  const handle = await open(join(directory, name));
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

async function collect(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

test.each([
  [0, SIZE_BYTES],
  [5, SIZE_BYTES],
  [262_144, 524_288],
  [10, 10],
  [0, SIZE_BYTES + 1_000_000],
])('the bytes from %i to %i, in order, and no more than there are', async (start, end) => {
  const read = await withFile('plain', (handle) => collect(readPieces(handle, { start, end })));
  expect(read.equals(content.subarray(start, end))).toBe(true);
});

test('unpacks what is gzip, and only where it is asked to', async () => {
  const range = { start: 4, end: SIZE_BYTES };
  const unpacked = await withFile('packed', (handle) =>
    collect(readPieces(handle, { ...range, unzips: true })),
  );
  expect(unpacked.equals(content)).toBe(true);
  const packed = await withFile('packed', (handle) => collect(readPieces(handle, range)));
  expect(packed.equals(gzipSync(content))).toBe(true);
});

test('whoever stops early can close the file at once', async () => {
  await withFile('plain', async (handle) => {
    for await (const piece of readPieces(handle, { start: 0, end: SIZE_BYTES })) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
  });
});

test('a read that fails is told to the reader, also when it fails while a piece is being taken', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  const handle = await open(join(directory, 'plain'));
  const pieces = readPieces(handle, { start: 0, end: SIZE_BYTES });
  try {
    const first = await pieces.next();
    expect(first.done === true ? undefined : first.value.length).toBe(262_144);
    // The second piece is on its way, the third cannot be read any more.
    await sleep(50);
    await handle.close();
    await pieces.next();
    await sleep(50);
    await expect(pieces.next()).rejects.toMatchObject({ code: 'EBADF' });
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', note);
  }
});
