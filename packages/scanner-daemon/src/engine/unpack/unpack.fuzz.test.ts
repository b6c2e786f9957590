import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compoundFileOf, sevenZipOf, tarMember, tarOf, zipOf } from './testing/containers.js';
import { budgetOf, unpackAll } from './testing/unpack-all.js';

const content = Buffer.from('some content that comes again, that comes again. '.repeat(100));
const SEEDS = [
  [
    'zip',
    zipOf([
      { name: 'a', content },
      { name: 'b', content, method: 0 },
    ]),
  ],
  ['gzip', gzipSync(content)],
  ['tar', tarOf([tarMember('a', content), tarMember('b', content)])],
  [
    '7z',
    sevenZipOf([
      { name: 'a', content },
      { name: 'b', content },
    ]),
  ],
  [
    'ole2',
    compoundFileOf([
      { name: 'a', content },
      { name: 'b', content },
    ]),
  ],
] as const;
const LIMITS = { maxFileSizeBytes: 20_000, maxScanSizeBytes: 50_000, maxFiles: 100 };

const change = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  bytes: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
    fc.constantFrom(Buffer.alloc(4), Buffer.alloc(4, 0xff), Buffer.from('ffffff7f', 'hex')),
  ),
});

test.each(SEEDS)('a changed or cut %s neither throws nor leaves its budget', (format, seed) => {
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (changes, cut) => {
        const container = Buffer.from(seed);
        for (const { at, bytes } of changes)
          container.set(
            bytes.subarray(0, container.length - Math.floor(at * container.length)),
            Math.floor(at * container.length),
          );
        const input = cut > 0.7 ? container.subarray(0, Math.floor(cut * container.length)) : container;
        const { sizeBytes, entries } = unpackAll(format, input, { budget: budgetOf(LIMITS) });
        expect(sizeBytes).toBeLessThanOrEqual(LIMITS.maxScanSizeBytes);
        expect(entries.length).toBeLessThanOrEqual(LIMITS.maxFiles + 1);
      },
    ),
    { numRuns: 300 },
  );
});
