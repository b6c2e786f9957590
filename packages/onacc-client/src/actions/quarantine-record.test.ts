import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeRecord, encodeRecord } from './quarantine-record.js';
import type { QuarantineRecord } from './quarantine-record.js';

const hex = (length: number) =>
  fc
    .array(fc.nat(15), { minLength: length, maxLength: length })
    .map((digits) => digits.map((digit) => digit.toString(16)).join(''));
const text = fc.string({ unit: 'binary', maxLength: 300 });

const path = fc
  .uint8Array({ maxLength: 4000 })
  .map((bytes) => Buffer.concat([Buffer.from('/'), Buffer.from(bytes.filter((byte) => byte !== 0))]));

const records: fc.Arbitrary<QuarantineRecord> = fc.record({
  id: hex(32),
  action: fc.constantFrom('move', 'copy'),
  path,
  isElsewhere: fc.boolean(),
  uid: fc.nat(4_294_967_295),
  gid: fc.nat(4_294_967_295),
  mode: fc.nat(0o7777),
  sizeBytes: fc.maxSafeNat(),
  atimeNs: fc.bigInt(-(10n ** 18n), 10n ** 19n),
  mtimeNs: fc.bigInt(-(10n ** 18n), 10n ** 19n),
  links: fc.nat(65_000),
  sha256: hex(64),
  signatureName: text,
  detectedAtMs: fc.nat(4_102_444_800_000),
  opener: fc.record({
    pid: fc.nat(),
    uid: fc.integer({ min: -1 }),
    executable: text,
    commandLine: text,
    container: text,
  }),
});

const aRecord: QuarantineRecord = {
  id: '0123456789abcdef0123456789abcdef',
  action: 'move',
  path: Buffer.from('/srv/a'),
  isElsewhere: false,
  uid: 1000,
  gid: 1001,
  mode: 0o4755,
  sizeBytes: 68,
  atimeNs: 1n,
  mtimeNs: 1_700_000_000_123_456_789n,
  links: 1,
  sha256: 'a'.repeat(64),
  signatureName: 'Test.Eicar',
  detectedAtMs: 1_700_000_000_000,
  opener: { pid: 7, uid: 1000, executable: '/bin/cat', commandLine: 'cat a', container: '' },
};

describe('a quarantine record', () => {
  test('comes back as it was, whatever bytes the path has and whatever the names', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(decodeRecord(encodeRecord(record))).toEqual(record);
      }),
    );
  });

  test('is readable by people', () => {
    const fields = JSON.parse(encodeRecord(aRecord)) as Record<string, unknown>; // our own words
    expect(fields).toMatchObject({
      version: 1,
      path: '/srv/a',
      mode: '4755',
      mtimeNs: '1700000000123456789',
      detectedAt: '2023-11-14T22:13:20.000Z',
    });
    expect(fields).not.toHaveProperty('pathBase64');
  });

  test('whatever else is in the file is told as damaged, and never believed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (content) => {
        expect(() => decodeRecord(content)).toThrow(expect.objectContaining({ code: 'RECORD_DAMAGED' }));
      }),
    );
  });

  test.each([
    ['no field', {}],
    ['version', { version: 2 }],
    ['path', { path: 'relative' }],
    ['path', { path: '/a\0b' }],
    ['path', { path: `/${'x'.repeat(4096)}` }],
    ['path', { pathBase64: '../..' }],
    ['path', { pathBase64: Buffer.from('relative').toString('base64') }],
    ['mode', { mode: '99999' }],
    ['uid', { uid: -1 }],
    ['size', { sizeBytes: 1.5 }],
    ['sha256', { sha256: 'A'.repeat(64) }],
    ['id', { id: '../../../../etc/passwd' }],
    ['time', { detectedAt: 'yesterday' }],
    ['opener', { opener: null }],
    ['flag', { isElsewhere: 'no' }],
    ['action', { action: 'remove' }],
  ])('one with a wrong %s is damaged: %j', (_, wrong) => {
    const fields = JSON.parse(encodeRecord(aRecord)) as Record<string, unknown>; // our own words
    const content = JSON.stringify(Object.keys(wrong).length === 0 ? {} : { ...fields, ...wrong });
    expect(() => decodeRecord(content)).toThrow(expect.objectContaining({ code: 'RECORD_DAMAGED' }));
  });
});
