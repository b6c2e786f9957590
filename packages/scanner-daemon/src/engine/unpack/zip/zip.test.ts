import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { zipOf } from '../testing/containers.js';
import { budgetOf, unpackAll } from '../testing/unpack-all.js';

const DONE = { kind: 'done' };
const DAMAGED = { kind: 'damaged' };
const bytes = (text: string): Buffer => Buffer.from(text);
const a = { name: 'a', content: bytes('first') };
const b = { name: 'b', content: bytes('second') };
const c = { name: 'c', content: bytes('third') };

describe('zip', () => {
  test.each([0, 8] as const)('gives its files (method %i)', (method) => {
    const archive = zipOf([
      { ...a, method },
      { ...b, method },
    ]);
    expect(unpackAll('zip', archive)).toMatchObject({ outcome: DONE, entries: ['a=first', 'b=second'] });
  });

  test('finds what the central directory leaves out', () => {
    const hidden = { ...b, isHidden: true };
    for (const entries of [
      [hidden, a, c],
      [a, hidden, c],
      [a, c, hidden],
    ])
      expect(unpackAll('zip', zipOf(entries)).entries).toEqual(['a=first', 'c=third', 'b=second']);
  });

  test('goes by the local headers where there is no directory', () => {
    const archive = zipOf([a, b], { hasDirectory: false });
    expect(unpackAll('zip', archive)).toMatchObject({ outcome: DAMAGED, entries: ['a=first', 'b=second'] });
    const cut = archive.subarray(0, archive.length - 1);
    expect(unpackAll('zip', cut)).toMatchObject({ outcome: DAMAGED });
    expect(unpackAll('zip', cut).entries[0]).toBe('a=first');
  });

  test('bears what stands before and behind it', () => {
    const archive = Buffer.concat([bytes('#!/bin/sh\n'), zipOf([a, b]), bytes('behind')]);
    expect(unpackAll('zip', archive)).toMatchObject({ outcome: DONE, entries: ['a=first', 'b=second'] });
  });

  test('an empty archive is no damaged one', () => {
    expect(unpackAll('zip', zipOf([]))).toMatchObject({ outcome: DONE, entries: [] });
  });

  test('tells of encrypted files by name, and unpacks the others', () => {
    expect(unpackAll('zip', zipOf([{ ...a, flags: 1 }, b]))).toMatchObject({
      outcome: { kind: 'incomplete', reason: 'encrypted', container: { format: 'Zip', kind: 'archive' } },
      entries: ['a encrypted', 'b=second'],
    });
  });

  test('does not believe a length that is too small', () => {
    const archive = zipOf([{ name: 'a', content: Buffer.from('x'.repeat(1000) + 'end') }]);
    archive.writeUInt32LE(3, 18);
    archive.writeUInt32LE(1, 22);
    expect(unpackAll('zip', archive).sizeBytes).toBe(1003);
  });

  test('scans as much of a file as MaxFileSize allows, and nothing beyond MaxScanSize', () => {
    const big = { name: 'big', content: Buffer.alloc(5000, 'x') };
    const byFile = unpackAll('zip', zipOf([big, a]), { budget: budgetOf({ maxFileSizeBytes: 100 }) });
    expect(byFile.entries).toEqual([`big=${'x'.repeat(100)}`, 'a=first']);
    expect(byFile.outcome).toEqual({ kind: 'incomplete', reason: 'fileTooLarge' });
    const byScan = unpackAll('zip', zipOf([a, big, b]), { budget: budgetOf({ maxScanSizeBytes: 100 }) });
    expect(byScan.entries).toEqual(['a=first']);
    expect(byScan.outcome).toEqual({ kind: 'incomplete', reason: 'scanTooLarge' });
  });

  test('unpacks no more of a bomb than the limit', () => {
    const bomb = Buffer.alloc(64 * 1024 * 1024);
    const archive = zipOf([{ name: 'bomb', content: bomb }]);
    expect(archive.length).toBeLessThan(100_000);
    const { sizeBytes } = unpackAll('zip', archive, { budget: budgetOf({ maxFileSizeBytes: 1_000_000 }) });
    expect(sizeBytes).toBe(1_000_000);
  });

  test('one stream that many entries of the directory point to is unpacked once', () => {
    const archive = zipOf([a, b]);
    const second = archive.indexOf('PK\u0001\u0002', archive.indexOf('PK\u0001\u0002') + 1, 'latin1');
    archive.writeUInt32LE(0, second + 42);
    expect(unpackAll('zip', archive).entries).toEqual(['a=first', 'b=second']);
  });

  test('a method that nobody knows is damage', () => {
    const archive = zipOf([{ ...a, content: deflateRawSync('x') }, b]);
    archive.writeUInt16LE(77, 8);
    expect(unpackAll('zip', archive)).toMatchObject({ outcome: DAMAGED, entries: ['b=second'] });
  });
});
