import { describe, expect, test } from '@jest/globals';
import { constants, openNative, WOULD_BLOCK } from '@portcullis/shared/native';
import { makeTempDir } from '@portcullis/shared/testing';
import { openSync, writeFileSync } from 'node:fs';
import { createCachedFileReader, type ReadCachedFile } from './cached-file.js';

/** A file of which each read gives what the list says next. */
function readerOf(...answers: readonly (number | 'EIO')[]) {
  const asked: [number, number][] = [];
  let next = 0;
  const read = createCachedFileReader(
    {
      readAtIfCached: (_fd, into, offset) => {
        asked.push([offset, into.byteLength]);
        const answer = answers[next++];
        if (typeof answer !== 'number') throw new Error(String(answer));
        into.fill(next, 0, Math.max(answer, 0));
        return answer;
      },
    },
    8,
  );
  return { read, asked };
}

function contentOf(read: ReadCachedFile, fd: number, sizeBytes: number): string | undefined {
  const source = read(fd, sizeBytes);
  return source?.kind === 'memory'
    ? Buffer.from(new Uint8Array(source.bytes, 0, source.sizeBytes)).toString('latin1')
    : undefined;
}

describe('createCachedFileReader', () => {
  test('puts the parts of a file together, and asks for nothing behind its end', () => {
    const { read, asked } = readerOf(3, 1, 3);
    expect(contentOf(read, 4711, 7)).toBe('\x01\x01\x01\x02\x03\x03\x03');
    expect(asked).toEqual([
      [0, 7],
      [3, 4],
      [4, 3],
    ]);
  });

  test('an empty file is read without a call', () => {
    const { read, asked } = readerOf();
    expect([contentOf(read, 4711, 0), asked]).toEqual(['', []]);
  });

  test.each([
    ['nothing is cached', [WOULD_BLOCK]],
    ['only the start is cached', [3, WOULD_BLOCK]],
    ['the file became shorter', [3, 0]],
    ['a read fails', [3, 'EIO' as const]],
  ])('reads no part of a file when %s', (_when, answers) => {
    expect(readerOf(...answers).read(4711, 7)).toBeUndefined();
  });

  test('refuses a file that is larger than its memory, without a call', () => {
    const { read, asked } = readerOf();
    expect([read(4711, 9), asked]).toEqual([undefined, []]);
  });

  test('reads a real file at any shared offset and leaves that where it is', () => {
    const directory = makeTempDir();
    const { files } = openNative();
    writeFileSync(`${directory.path}/file`, 'some content');
    const fd = openSync(`${directory.path}/file`, constants.O_RDONLY);
    const start = Buffer.alloc(5);
    files.read(fd, start);
    // Undefined where the temporary directory is on a filesystem that cannot tell, such as tmpfs.
    expect(['some content', undefined]).toContain(contentOf(createCachedFileReader(files, 64), fd, 12));
    expect([files.read(fd, start), start.toString()]).toEqual([5, 'conte']);
    files.close(fd);
    directory.remove();
  });
});
