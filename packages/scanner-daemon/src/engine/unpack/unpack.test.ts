import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { sevenZipOf, tarMember, tarOf, zipOf } from './testing/containers.js';
import { budgetOf, unpackAll } from './testing/unpack-all.js';

const TEXT = 'hello, '.repeat(20);
const BZIP2 = Buffer.from('QlpoOTFBWSZTWR7YgNgAACeRAEAEAkSgADDAApUMnCaTCeJhNE+LuSKcKEgPbEBsAA==', 'base64');
const XZ = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ACLAA1dADQZSe6N74yMYn1/AAAAAAAAZHz/Org2/AUAASmMAQAAANW6XC+xxGf7AgAAAAAEWVo=',
  'base64',
);
const ZSTD = Buffer.from('KLUv/QRYdQAAOGhlbGxvLCABAAJRxQiDNgs/', 'base64');
const DONE = { kind: 'done' };
const DAMAGED = { kind: 'damaged' };
const bytes = (text: string): Buffer => Buffer.from(text);

describe('streams without a container', () => {
  test.each([
    ['gzip', gzipSync(TEXT)],
    ['bzip2', BZIP2],
    ['xz', XZ],
    ['zstd', ZSTD],
  ] as const)('%s is one nameless entry', (format, container) => {
    expect(unpackAll(format, container)).toEqual({ outcome: DONE, entries: [`=${TEXT}`], sizeBytes: 140 });
  });

  test.each([
    ['bzip2', BZIP2, 2],
    ['xz', XZ, 2],
    ['zstd', ZSTD, 1],
  ] as const)('%s streams one after the other are all unpacked', (format, container, entryCount) => {
    const { outcome, entries, sizeBytes } = unpackAll(format, Buffer.concat([container, container]));
    expect([outcome, entries.length, sizeBytes]).toEqual([DONE, entryCount, 280]);
  });

  test('gzip members together are one entry, and what trails is ignored', () => {
    const container = Buffer.concat([gzipSync('one '), gzipSync('two'), bytes('trailing')]);
    expect(unpackAll('gzip', container).entries).toEqual(['=one two']);
  });

  test('gzip gives what came out before damage, and does not look at the checksum', () => {
    const lines = Array.from({ length: 2000 }, (_, index) => `line ${String(index * 7919)}\n`).join('');
    const good = gzipSync(lines);
    const wrongChecksum = Buffer.from(good);
    wrongChecksum.writeUInt32LE(0, wrongChecksum.length - 8);
    expect(unpackAll('gzip', wrongChecksum)).toMatchObject({ outcome: DONE, entries: [`=${lines}`] });
    const cut = unpackAll('gzip', good.subarray(0, good.length / 2));
    expect(cut.outcome).toEqual(DAMAGED);
    expect(cut.sizeBytes).toBeGreaterThan(lines.length / 4);
    expect(`=${lines}`.startsWith(cut.entries[0] ?? 'nothing')).toBe(true);
  });

  test.each([
    ['gzip', gzipSync(TEXT)],
    ['bzip2', BZIP2],
    ['xz', XZ],
    ['zstd', ZSTD],
  ] as const)('of a %s stream beyond a limit nothing is scanned', (format, container) => {
    expect(unpackAll(format, container, { budget: budgetOf({ maxFileSizeBytes: 139 }) })).toEqual({
      outcome: { kind: 'incomplete', reason: 'fileTooLarge' },
      entries: [],
      sizeBytes: 0,
    });
    const scanLimit = unpackAll(format, container, { budget: budgetOf({ maxScanSizeBytes: 139 }) });
    expect(scanLimit.outcome).toEqual({ kind: 'incomplete', reason: 'scanTooLarge' });
    const exact = unpackAll(format, container, { budget: budgetOf({ maxFileSizeBytes: 140 }) });
    expect(exact).toMatchObject({ outcome: DONE, sizeBytes: 140 });
  });

  test('a zstd frame that asks for an enormous window gets none', () => {
    const frame = Buffer.from('28b52ffd00f8010000', 'hex');
    expect(unpackAll('zstd', frame).outcome).toEqual({ kind: 'incomplete', reason: 'fileTooLarge' });
  });
});

describe('tar', () => {
  const a = tarMember('a', bytes('first'));
  const b = tarMember('b', bytes('second'));

  test('gives the files, not links, directories or devices', () => {
    const others = ['1', '2', '3', '4', '5', '6'].map((type) => tarMember(`t${type}`, bytes(''), { type }));
    expect(unpackAll('tar', tarOf([a, ...others, b]))).toMatchObject({
      outcome: DONE,
      entries: ['a=first', 'b=second'],
    });
  });

  test('takes long names from GNU and pax headers', () => {
    const long = 'n'.repeat(200);
    const gnu = tarMember('././@LongLink', bytes(`${long}\0`), { type: 'L' });
    const pax = tarMember('x', bytes(`210 path=${long}\n`), { type: 'x' });
    expect(unpackAll('tar', tarOf([gnu, a, pax, b])).entries).toEqual([`${long}=first`, `${long}=second`]);
  });

  test('reads a size in base 256', () => {
    const change = (header: Buffer): void => {
      header.fill(0, 124, 136);
      header.writeUInt8(0x80, 124);
      header.writeUInt32BE(5, 132);
    };
    expect(unpackAll('tar', tarOf([tarMember('a', bytes('first'), { change }), b])).entries).toEqual([
      'a=first',
      'b=second',
    ]);
  });

  test('goes on behind a header with a wrong checksum', () => {
    const broken = Buffer.from(a);
    broken[0] = 0x7a;
    expect(unpackAll('tar', tarOf([broken, b]))).toMatchObject({ outcome: DAMAGED, entries: ['b=second'] });
  });

  test('gives what is left of a truncated file', () => {
    const cut = Buffer.concat([a, b]).subarray(0, 1024 + 512 + 3);
    expect(unpackAll('tar', cut)).toMatchObject({ outcome: DAMAGED, entries: ['a=first', 'b=sec'] });
  });

  test('ends at a block of zeros', () => {
    expect(unpackAll('tar', Buffer.concat([tarOf([a]), tarOf([b])])).entries).toEqual(['a=first']);
  });
});

describe('7z', () => {
  const files = [
    { name: 'one', content: bytes('first') },
    { name: 'dir/two', content: bytes('second') },
  ];

  test('gives its files', () => {
    expect(unpackAll('7z', sevenZipOf(files))).toMatchObject({
      outcome: DONE,
      entries: ['one=first', 'dir/two=second'],
    });
  });

  test('goes on behind a file beyond MaxFileSize', () => {
    const big = { name: 'big', content: Buffer.alloc(100_000, 1) };
    const container = sevenZipOf([big, ...files]);
    expect(unpackAll('7z', container, { budget: budgetOf({ maxFileSizeBytes: 1000 }) })).toMatchObject({
      outcome: { kind: 'incomplete', reason: 'fileTooLarge' },
      entries: ['one=first', 'dir/two=second'],
    });
  });

  test.each([
    ['cut', sevenZipOf(files).subarray(0, 60)],
    ['without a header', bytes('7z, or so it says')],
  ])('one that is %s is damaged', (_, container) => {
    expect(unpackAll('7z', container)).toMatchObject({ outcome: DAMAGED, entries: [] });
  });
});

describe('every container', () => {
  const archive = zipOf([
    { name: 'a', content: bytes('first') },
    { name: 'b', content: bytes('second') },
  ]);

  test('ends when nothing more is wanted', () => {
    expect(unpackAll('zip', archive, { stopAfter: 1 })).toMatchObject({
      outcome: DONE,
      entries: ['a=first'],
    });
  });

  test('ends when time is up', () => {
    let nowMs = 0;
    const budget = budgetOf({ deadlineAtMs: 5 }, () => (nowMs += 2));
    const { outcome, entries } = unpackAll('zip', archive, { budget });
    expect(outcome).toEqual({ kind: 'incomplete', reason: 'timeLimit' });
    expect(entries.length).toBeLessThan(2);
  });

  test('ends at MaxFiles', () => {
    const { outcome, entries } = unpackAll('zip', archive, { budget: budgetOf({ maxFiles: 1 }) });
    expect(outcome).toEqual({ kind: 'incomplete', reason: 'tooManyFiles' });
    expect(entries).toEqual(['a=first', 'b=(refused)']);
  });
});
