import { describe, expect, test } from '@jest/globals';
import { kernelCacheable } from './kernel-cacheable.js';
import { screenObject, userExclusion } from './screen.js';

const REGULAR = 0o100644;

describe('screenObject', () => {
  test.each([
    ['a regular file', { mode: REGULAR, sizeBytes: 1 }, { kind: 'scan' }],
    ['a file at the limit', { mode: REGULAR, sizeBytes: 10 }, { kind: 'scan' }],
    ['a file above it', { mode: REGULAR, sizeBytes: 11 }, { kind: 'fail', cause: 'tooLarge' }],
    ['an empty file', { mode: REGULAR, sizeBytes: 0 }, { kind: 'skip', reason: 'empty' }],
    ['a directory', { mode: 0o040755, sizeBytes: 4096 }, { kind: 'skip', reason: 'notRegular' }],
    ['a device', { mode: 0o020666, sizeBytes: 0 }, { kind: 'skip', reason: 'notRegular' }],
  ])('%s', (_, facts, expected) => {
    expect(screenObject(facts, 10)).toEqual(expected);
  });

  test('has no limit at Infinity', () => {
    expect(screenObject({ mode: REGULAR, sizeBytes: 2 ** 50 }, Infinity)).toEqual({ kind: 'scan' });
  });
});

describe('userExclusion', () => {
  test('merges uids, names and root', () => {
    expect(userExclusion({ excludeUids: [33, 5], unameUids: [33, 106], excludeRoot: true }).uids).toEqual([
      0, 5, 33, 106,
    ]);
  });

  test('a 0 among OnAccessExcludeUID switches that option off, wherever it stands', () => {
    expect(userExclusion({ excludeUids: [33, 0], unameUids: [106], excludeRoot: false }).uids).toEqual([106]);
  });
});

describe('kernelCacheable', () => {
  test.each([
    [0, 0o100644, true],
    [0, 0o100755, true],
    [0, 0o100664, false],
    [0, 0o100646, false],
    [1000, 0o100444, false],
  ])('uid %i, mode %o: %s', (uid, mode, expected) => {
    expect(kernelCacheable({ uid, mode })).toBe(expected);
  });
});
