import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FileKey } from './file-key.js';
import { VerdictCache } from './verdict-cache.js';

function key(changes: Partial<FileKey> = {}): FileKey {
  return {
    devMajor: 8,
    devMinor: 1,
    inodeHigh: 0,
    inodeLow: 42,
    sizeBytes: 100,
    mtimeSeconds: 1_700_000_000,
    mtimeNs: 1,
    ctimeSeconds: 1_700_000_000,
    ctimeNs: 2,
    mode: 0o100644,
    uid: 0,
    linkCount: 1,
    mountId: 0,
    ...changes,
  };
}

describe('VerdictCache', () => {
  test('knows exactly the version that was stored', () => {
    const cache = new VerdictCache(16);
    cache.store(key(), cache.generation);
    expect(cache.has(key())).toBe(true);
    const others: Partial<FileKey>[] = [
      { devMajor: 9 },
      { devMinor: 2 },
      { inodeHigh: 1 },
      { inodeLow: 43 },
      { sizeBytes: 101 },
      { sizeBytes: 100 + 2 ** 32 },
      { mtimeSeconds: 1_700_000_001 },
      { mtimeNs: 2 },
      { ctimeSeconds: 1_700_000_001 },
      { ctimeNs: 3 },
    ];
    for (const other of others) expect(cache.has(key(other))).toBe(false);
  });

  test('a newer version replaces the older one of the same inode', () => {
    const cache = new VerdictCache(16);
    cache.store(key(), cache.generation);
    cache.store(key({ ctimeNs: 9 }), cache.generation);
    expect(cache.has(key())).toBe(false);
    expect(cache.has(key({ ctimeNs: 9 }))).toBe(true);
  });

  test('forgets an inode and, on a flush, everything; a verdict from before the flush is not stored', () => {
    const cache = new VerdictCache(16);
    cache.store(key(), cache.generation);
    cache.drop(key({ ctimeNs: 77 }));
    expect(cache.has(key())).toBe(false);
    const before = cache.generation;
    cache.store(key(), before);
    cache.flush();
    expect(cache.has(key())).toBe(false);
    cache.store(key(), before);
    expect(cache.has(key())).toBe(false);
  });

  test('agrees with a map, but for what it evicts: it never knows what was not stored', () => {
    const small = fc.record({ inodeLow: fc.nat(60), ctimeNs: fc.nat(3), drop: fc.boolean() });
    fc.assert(
      fc.property(fc.array(small, { maxLength: 200 }), (steps) => {
        const cache = new VerdictCache(16);
        const model = new Map<number, number>();
        for (const { inodeLow, ctimeNs, drop } of steps) {
          if (drop) {
            cache.drop(key({ inodeLow }));
            model.delete(inodeLow);
          } else {
            cache.store(key({ inodeLow, ctimeNs }), cache.generation);
            model.set(inodeLow, ctimeNs);
            if (!cache.has(key({ inodeLow, ctimeNs }))) return false;
          }
          for (let inode = 0; inode <= 60; inode += 1) {
            for (let ns = 0; ns <= 3; ns += 1) {
              if (cache.has(key({ inodeLow: inode, ctimeNs: ns })) && model.get(inode) !== ns) return false;
            }
          }
        }
        return true;
      }),
      { numRuns: 30 },
    );
  });
});
