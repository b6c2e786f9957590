import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CVD_HEADER_BYTES, parseCvdHeader, readDatabaseAge } from './cvd-header.js';

const MD5 = '0'.repeat(32);

function header(builtAtText: string, seconds?: string): Buffer {
  const fields = ['ClamAV-VDB', builtAtText, '27123', '2042', '90', MD5, 'signature', 'builder'];
  if (seconds !== undefined) fields.push(seconds);
  return Buffer.from(fields.join(':').padEnd(CVD_HEADER_BYTES));
}

describe('parseCvdHeader', () => {
  test('reads version, signatures and the time in seconds, which wins over the text', () => {
    expect(parseCvdHeader(header('18 Mar 2020 13-44 +0000', '1795182240'))).toEqual({
      version: 27123,
      signatureCount: 2042,
      builtAtSeconds: 1795182240,
      functionalityLevel: 90,
      md5: MD5,
      signature: 'signature',
    });
  });

  test('reads the text where the seconds are missing, with its time zone', () => {
    expect(parseCvdHeader(header('18 Mar 2020 13-44 +0000'))?.builtAtSeconds).toBe(1584539040);
    expect(parseCvdHeader(header('18 Mar 2020 09-44 -0400'))?.builtAtSeconds).toBe(1584539040);
  });

  test('calls a time that is none older than anything, as clamd does', () => {
    expect(parseCvdHeader(header('20 Nov 2026 13-44 +0000', 'x'))?.builtAtSeconds).toBe(0);
    expect(parseCvdHeader(header('once upon a time'))?.builtAtSeconds).toBe(0);
  });

  test.each([
    ['something else', Buffer.from('garbage'.repeat(100))],
    ['a header cut short', header('18 Mar 2020 13-44 +0000').subarray(0, 300)],
    ['nothing', Buffer.alloc(0)],
  ])('takes %s for no header', (_what, bytes) => {
    expect(parseCvdHeader(bytes)).toBeUndefined();
  });

  test('never throws, and never makes up a negative or fractional number', () => {
    const prefix = Buffer.from('ClamAV-VDB:');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (noise, withMagic) => {
        const parsed = parseCvdHeader(withMagic ? Buffer.concat([prefix, noise]) : noise);
        if (parsed === undefined) return;
        const { version, signatureCount, builtAtSeconds, functionalityLevel } = parsed;
        for (const value of [version, signatureCount, builtAtSeconds, functionalityLevel]) {
          expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
        }
      }),
    );
  });
});

describe('readDatabaseAge', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'cvd-test-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  function put(name: string, bytes: Uint8Array): void {
    writeFileSync(join(directory, name), bytes);
  }

  test('is that of the newest container', async () => {
    put('main.cvd', header('-', '1000'));
    put('daily.cld', header('-', '3000'));
    put('other.CVD', header('-', '2000'));
    expect(await readDatabaseAge(directory)).toEqual({ kind: 'builtAt', seconds: 3000 });
  });

  test('says nothing where no container lies', async () => {
    put('daily.cud', header('-', '1000'));
    put('own.ndb', Buffer.from('Test:0:*:616263\n'));
    expect(await readDatabaseAge(directory)).toEqual({ kind: 'noContainer' });
    expect(await readDatabaseAge(join(directory, 'missing'))).toEqual({ kind: 'noContainer' });
  });

  test('is unknown where a container is none', async () => {
    put('daily.cvd', Buffer.from('garbage'.repeat(100)));
    put('main.cvd', header('-', '1000'));
    expect(await readDatabaseAge(directory)).toEqual({ kind: 'broken', path: join(directory, 'daily.cvd') });
  });
});
