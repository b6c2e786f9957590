import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readHashLine } from './hash-signatures.js';

const MD5 = '44d88612fea8a8f36de82e1278abb02f';

/** Each row was loaded into clamd 1.4.6: whether it starts, and what it calls the error. */
const CASES: readonly (readonly [string, string])[] = [
  [`${MD5}:68:T`, 'hash'],
  [`${MD5.toUpperCase()}:68:T`, 'hash'],
  [`${'0'.repeat(40)}:1:T`, 'hash'],
  [`${'0'.repeat(64)}:1:T`, 'hash'],
  [`${MD5}:68:T:73`, 'hash'],
  [`${MD5}:68:T:73:`, 'hash'],
  [`${MD5}:68:T:x`, 'hash'],
  [`${MD5}:4294967294:T`, 'hash'],
  [`${MD5}:*:T:73`, 'hash'],
  [`${MD5}:*:T:100:300`, 'hash'],
  [`${MD5}:68:T:217`, 'otherLevel'],
  ['zz:x:T:999', 'otherLevel'],
  [`${MD5}:68:T:1:20`, 'otherLevel'],
  [`${MD5}:*:T`, 'malformed'],
  [`${MD5}:*:T:72`, 'malformed'],
  [`${MD5}:68:`, 'malformed'],
  [`${MD5}:68`, 'malformed'],
  [`${MD5}:0:T`, 'malformed'],
  [`${MD5}:6x:T`, 'malformed'],
  [`${MD5}:4294967295:T`, 'malformed'],
  [`${MD5}:99999999999:T`, 'malformed'],
  [`${MD5}:68:T:1:255:x`, 'malformed'],
  ['', 'malformed'],
  [`${MD5.slice(1)}:68:T`, 'invalid hash'],
  [` ${MD5}:68:T`, 'invalid hash'],
  [`${MD5.slice(2)}zz:68:T`, 'invalid hash'],
  [`${'0'.repeat(128)}:68:T`, 'invalid hash'],
];

describe('readHashLine', () => {
  test.each(CASES)('%s is %s', (line, expected) => {
    const read = readHashLine(line);
    const isInvalidHash = read.kind === 'malformed' && read.invalidHash === true;
    expect(isInvalidHash ? 'invalid hash' : read.kind).toBe(expected);
  });

  test('tells the algorithm by the length of the hash', () => {
    expect(readHashLine(`${MD5}:68:Name`)).toMatchObject({ algorithm: 'md5', sizeBytes: 68, name: 'Name' });
    expect(readHashLine(`${'0'.repeat(40)}:*:Name:73`)).toMatchObject({
      algorithm: 'sha1',
      sizeBytes: 'any',
    });
    expect(readHashLine(`${'0'.repeat(64)}:1:Name`)).toMatchObject({ algorithm: 'sha256' });
  });

  test('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (line) => {
        expect(readHashLine(line).kind).toMatch(/^(hash|malformed|otherLevel)$/);
      }),
    );
  });
});
