import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HashLine } from './hash-line.js';
import { acceptance } from './testing/read-lines.js';

const MD5 = '44d88612fea8a8f36de82e1278abb02f';

/** Each row was loaded into clamd or clamscan 1.4.6: how many signatures it counts, or what it calls the error. */
const FILE_LINES: readonly (readonly [string, ReturnType<typeof acceptance>])[] = [
  [`${MD5}:68:T`, 1],
  [`${MD5.toUpperCase()}:68:T`, 1],
  [`${'0'.repeat(40)}:1:T`, 1],
  [`${'0'.repeat(64)}:1:T`, 1],
  [`${MD5}:68:T:73`, 1],
  [`${MD5}:68:T:73:`, 0],
  [`${MD5}:68:T:`, 1],
  [`${MD5}:68:T::`, 0],
  [`${MD5}:68:T::200`, 0],
  [`${MD5}:68:T:1:x`, 0],
  [`${MD5}:68:T:x`, 1],
  [`${MD5}:68:T:-5`, 0],
  [`${MD5}:68:T `, 1],
  [`${MD5}:68:a b`, 1],
  [`${MD5}:68:T\r\r`, 1],
  [`${MD5}:68:T\0x:1:2:3:4:5`, 1],
  [`${MD5}:68\0:T`, 'malformed'],
  [`${MD5}:4294967294:T`, 1],
  [`${MD5}:*:T:73`, 1],
  [`${MD5}:*:T:73x`, 1],
  [`${MD5}:*:T:100:300`, 1],
  [`${MD5}:68:T:217`, 0],
  ['zz:x:T:999', 0],
  [`${MD5}:68:T:1:20`, 0],
  [`#${MD5}:68`, 0],
  [`${MD5}:*:T`, 'malformed'],
  [`${MD5}:*:T:72`, 'malformed'],
  [`${MD5}:*:T:x73`, 'malformed'],
  [`${MD5}:**:T:73`, 'malformed'],
  [`${MD5}:68:`, 'malformed'],
  [`${MD5}:68::`, 'malformed'],
  [`${MD5}:68`, 'malformed'],
  [`${MD5}:0:T`, 'malformed'],
  [`${MD5}:-0:T`, 'malformed'],
  [`${MD5}:6x:T`, 'malformed'],
  [`${MD5}::T`, 'malformed'],
  [`${MD5}:4294967295:T`, 'malformed'],
  [`${MD5}:99999999999:T`, 'malformed'],
  [`${MD5}:68:T:1:255:x`, 'malformed'],
  ['\n', 'malformed'],
  ['\r', 'malformed'],
  ['\0#', 'malformed'],
  ['zz:68:', 'malformed'],
  ['zz:x:T', 'malformed'],
  [':68:T', 'invalid hash'],
  [`${MD5.slice(1)}:68:T`, 'invalid hash'],
  [` ${MD5}:68:T`, 'invalid hash'],
  [`${MD5.slice(2)}zz:68:T`, 'invalid hash'],
  [`${'0'.repeat(39)}g:68:T`, 'invalid hash'],
  [`${'0'.repeat(128)}:68:T`, 'invalid hash'],
];

/** Likewise for `.mdb` and `.msb`. */
const SECTION_LINES: typeof FILE_LINES = [
  [`512:${MD5}:T`, 1],
  [` 512:${MD5}:T`, 1],
  [`512:${'0'.repeat(40)}:T`, 1],
  [`512:${'0'.repeat(64)}:T`, 1],
  [`*:${MD5}:T:73`, 1],
  [`*:${MD5}:T:217`, 0],
  [`512:${MD5}:T:1:20`, 0],
  [`*:${MD5}:T`, 'malformed'],
  [`*:${MD5}:T:72`, 'malformed'],
  [`512 :${MD5}:T`, 'malformed'],
  [`${MD5}:512:T`, 'malformed'],
  [`0:${MD5}:T`, 'malformed'],
  [`512:${MD5}:`, 'malformed'],
  [`512:${MD5}`, 'malformed'],
  [`512:${MD5}:T:1:300:x`, 'malformed'],
  [`512:${MD5.slice(1)}:T`, 'invalid hash'],
];

/** Likewise for `.imp`. */
const IMPORT_LINES: typeof FILE_LINES = [
  [`${MD5}:39:T`, 1],
  [`${MD5}:*:T`, 1],
  [`${MD5}:*:T:72`, 1],
  [`${'0'.repeat(64)}:39:T`, 1],
  [`${MD5}:39:T:217`, 0],
  [`39:${MD5}:T`, 'malformed'],
  [`${MD5}:0:T`, 'malformed'],
  [`${MD5}:39:`, 'malformed'],
  [`${MD5.slice(1)}:39:T`, 'invalid hash'],
];

describe('lines of hash databases are taken as clamscan takes them', () => {
  test.each(FILE_LINES)('.hdb: %j is %p', (line, expected) => {
    expect(acceptance('file', line)).toBe(expected);
    expect(acceptance('falsePositive', line)).toBe(expected);
  });

  test.each(SECTION_LINES)('.mdb: %j is %p', (line, expected) => {
    expect(acceptance('section', line)).toBe(expected);
  });

  test.each(IMPORT_LINES)('.imp: %j is %p', (line, expected) => {
    expect(acceptance('importList', line)).toBe(expected);
  });

  test('no line makes the reader fail otherwise', () => {
    const fields = fc.array(
      fc.oneof(fc.constantFrom(MD5, '*', '73', '', 'T'), fc.string({ unit: 'binary-ascii' })),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(fields, fc.constantFrom('file', 'section', 'importList'), (parts, subject) => {
        expect([0, 1, 'malformed', 'invalid hash']).toContain(
          acceptance(subject, parts.join(':').replaceAll('\n', '')),
        );
      }),
      { numRuns: 1000 },
    );
  });
});

describe('HashLine', () => {
  test('reads the fields and the first 128 bits of the hash, in place', () => {
    const line = new HashLine();
    const hash = `0123456789abcdefFEDCBA9876543210${'5'.repeat(32)}`;
    const bytes = Buffer.from(`before\n${hash}:4294967294:Name-1:73\r\nafter`, 'latin1');
    expect(line.scan(bytes, 7)).toBe(bytes.indexOf('\nafter'));
    expect(line.readFields('file')).toBe('usable');
    expect(line.readDigest('file')).toBe(true);
    expect(bytes.toString('latin1', line.nameStart, line.nameEnd)).toBe('Name-1');
    expect(line).toMatchObject({ algorithm: 'sha256', sizeBytes: 4294967294 });
    expect(Array.from(line.digest)).toEqual([0x01234567, 0x89abcdef, 0xfedcba98, 0x76543210]);
  });
});
