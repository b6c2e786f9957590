import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hashDatabase } from '../../../database/hashes/testing/read-lines.js';
import { nameOf } from '../../../database/names/name-table.js';
import { couldHold, lookUpDigest, lookUpDigests, wantedAlgorithms } from './hash-lookup.js';
import { InputDigests } from './input-digests.js';

const FILE = Buffer.from('a file that is known');
const hashOf = (algorithm: string): string => createHash(algorithm).update(FILE).digest('hex');

function reportedFor(lines: readonly string[], input: Buffer = FILE): string[] {
  const { hashes, names } = hashDatabase({ file: lines });
  const digests = new InputDigests(wantedAlgorithms(hashes.file, input.length), input.length);
  digests.update(input);
  return lookUpDigests(hashes.file, input.length, digests.finish()).map((id) => nameOf(names, id));
}

describe('looking up the digests of a file', () => {
  test('reports in the order of clamscan: by algorithm, the size before any size', () => {
    const lines = ['sha256', 'sha1', 'md5'].flatMap((algorithm) => [
      `${hashOf(algorithm)}:*:${algorithm}-any:73`,
      `${hashOf(algorithm)}:${FILE.length}:${algorithm}`,
    ]);
    expect(reportedFor(lines)).toEqual(['md5', 'md5-any', 'sha1', 'sha1-any', 'sha256', 'sha256-any']);
  });

  test('the later of two equal signatures names the file', () => {
    const [hash, size] = [hashOf('md5'), FILE.length];
    const lines = [`${hash}:*:One:73`, `${hash}:*:Two:73`, `${hash}:${size}:Three`, `${hash}:${size}:Four`];
    expect(reportedFor(lines)).toEqual(['Four', 'Two']);
  });

  test('neither another size nor another digest is found', () => {
    expect(reportedFor([`${hashOf('md5')}:${FILE.length + 1}:T`])).toEqual([]);
    expect(reportedFor([`${hashOf('sha1')}:${FILE.length}:T`], Buffer.from(FILE).fill(0x21))).toEqual([]);
  });

  test('wants the digests that a signature of this size has, and no other', () => {
    const { hashes } = hashDatabase({
      file: [
        `${hashOf('md5')}:5:T`,
        `${hashOf('md5')}:7:T`,
        `${hashOf('sha256')}:6:T`,
        `${hashOf('sha1')}:*:T:73`,
      ],
    });
    const wanted = [4, 5, 6, 7, 8, 2 ** 33].map((size) => wantedAlgorithms(hashes.file, size).join());
    expect(wanted).toEqual(['sha1', 'md5,sha1', 'sha1,sha256', 'md5,sha1', 'sha1', 'sha1']);
    expect(wantedAlgorithms(hashes.falsePositive, 5)).toEqual([]);
  });

  test('says the same as a map', () => {
    const digest = fc
      .tuple(fc.constantFrom(0, 127, 128, 255), fc.nat(3))
      .map(([first, last]) => Buffer.concat([Buffer.from([first]), Buffer.alloc(14), Buffer.from([last])]));
    const entry = fc.tuple(fc.nat(5), digest);
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 80 }),
        fc.array(entry, { maxLength: 40 }),
        (entries, asked) => {
          const naive = new Map(entries.map(([size, hash], id) => [`${size}:${hash.toString('hex')}`, id]));
          const lines = entries.map(([size, hash], id) => `${hash.toString('hex')}:${size || '*'}:n${id}:73`);
          const { hashes } = hashDatabase({ file: lines });
          for (const [sizeOrZero, hash] of asked) {
            const size = sizeOrZero + 1;
            const expected = [size, 0].flatMap((key) => naive.get(`${key}:${hash.toString('hex')}`) ?? []);
            expect(lookUpDigest(hashes.file.md5, size, hash)).toEqual(expected);
            expect(couldHold(hashes.file.md5, size)).toBe(entries.some(([key]) => key === 0 || key === size));
          }
        },
      ),
    );
  });
});
