import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TarReader } from './tar-reader.js';
import { buildTar, type Entry } from './testing/build-container.js';

interface ReadOptions {
  readonly bounds?: { entries: number; entryBytes: number; totalBytes: number };
  /** Bytes a piece. */
  readonly step?: number;
}

/** What an archive holds; throws what is wrong with it. */
function read(archive: Buffer, { bounds, step = archive.length }: ReadOptions = {}): Entry[] {
  const entries: Entry[] = [];
  const tar = new TarReader({
    openEntry: ({ name }) => {
      let content = '';
      return {
        push: (piece) => (content += Buffer.from(piece).toString('latin1')),
        end: () => entries.push([name, content]),
      };
    },
    fail: (reason) => {
      throw new Error(reason);
    },
    ...(bounds === undefined ? {} : { bounds }),
  });
  for (let start = 0; start < archive.length; start += step) tar.push(archive.subarray(start, start + step));
  tar.end();
  return entries;
}

const ENTRIES: readonly Entry[] = [
  ['a', 'x'.repeat(600)],
  ['empty', ''],
  ['b', 'y'.repeat(512)],
];

describe('TarReader', () => {
  test('gives the same entries, however the archive is cut into pieces', () => {
    const archive = buildTar(ENTRIES);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: archive.length }), (step) => {
        expect(read(archive, { step })).toEqual(ENTRIES);
      }),
    );
  });

  test('ends at an empty header, and where the archive breaks off', () => {
    expect(read(Buffer.concat([buildTar(ENTRIES), buildTar(ENTRIES)]))).toEqual(ENTRIES);
    expect(read(buildTar(ENTRIES).subarray(0, 700))).toEqual([['a', 'x'.repeat(188)]]);
  });

  test.each([
    ['more entries', { entries: 2, entryBytes: 1000, totalBytes: 10_000 }],
    ['a larger entry', { entries: 3, entryBytes: 599, totalBytes: 10_000 }],
    ['more bytes', { entries: 3, entryBytes: 1000, totalBytes: 2000 }],
  ])('refuses %s than its bounds allow', (_what, bounds) => {
    expect(() => read(buildTar(ENTRIES), { bounds })).toThrow();
  });

  test.each(['zzzzzzzzzzz', '77777777777', '-1', ''])('refuses a size of %j', (size) => {
    const archive = buildTar(ENTRIES);
    archive.write(size.padEnd(12, '\0'), 124, 'latin1');
    expect(() => read(archive)).toThrow('invalid size of an entry');
  });

  test('refuses what is no plain file, and a name with a slash', () => {
    const link = buildTar(ENTRIES);
    link.write('2', 156);
    expect(() => read(link)).toThrow('no plain file');
    expect(() => read(buildTar([['../x', '']]))).toThrow('a name with a slash');
  });

  test('takes any bytes without a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (noise) => {
        try {
          read(Buffer.from(noise));
        } catch (error) {
          expect(String(error)).toMatch(/^Error: (?:an entry|a name|invalid size|more)/);
        }
      }),
    );
  });
});
