import { describe, expect, test } from '@jest/globals';
import { detectFileType, FILE_TYPE_HEAD_BYTES } from './file-type.js';
import type { FileType } from './file-type.js';

const latin1 = (text: string): Uint8Array =>
  Buffer.from(text + '.'.repeat(100), 'latin1').subarray(0, FILE_TYPE_HEAD_BYTES);
const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex');

/** Each row was put to clamd 1.4.6 with one signature per target type. */
const CASES: readonly (readonly [string, Uint8Array, FileType])[] = [
  ['text', latin1('hello'), 'other'],
  ['MZ', latin1('MZ'), 'pe'],
  ['ELF', latin1('\x7fELF'), 'elf'],
  ['OLE2', bytes('d0cf11e0a1b11ae1'), 'ole2'],
  ['GIF', latin1('GIF8'), 'graphics'],
  ['PNG', latin1('\x89PNG'), 'graphics'],
  ['JPEG', latin1('\xff\xd8\xff\xdb'), 'graphics'],
  ['two bytes of JPEG', latin1('\xff\xd8'), 'other'],
  ['TIFF', latin1('MM\0*'), 'graphics'],
  ['BMP', latin1('BM'), 'graphics'],
  ['icon', latin1('\0\0\x01\0'), 'other'],
  ['Mach-O 64', bytes('cffaedfe'), 'machO'],
  ['fat Mach-O', bytes('cafebabe00000002'), 'machO'],
  ['31 architectures', bytes('cafebabe0000001f'), 'machO'],
  ['Java of version 32', bytes('cafebabe00000020'), 'java'],
  ['Java of version 63', bytes('cafebabe0000003f'), 'java'],
  ['version 64', bytes('cafebabe00000040'), 'other'],
  ['CAFEBABE alone', bytes('cafebabe'), 'other'],
  ['PDF', latin1('%PDF-1.4'), 'pdf'],
  ['PDF behind other signs', latin1('%!PS %PDF-1.4'), 'pdf'],
  ['PDF at 1017', latin1(`${'.'.repeat(1017)}%PDF-1.4`), 'pdf'],
  ['PDF at 1018', latin1(`${'.'.repeat(1018)}%PDF-1.4`), 'other'],
  ['part of PDF', latin1('%PDF'), 'other'],
  ['Flash', latin1('CWS'), 'flash'],
  ['one byte', bytes('4d'), 'other'],
  ['nothing', bytes(''), 'other'],
];

describe('detectFileType', () => {
  test.each(CASES)('%s', (_name, head, expected) => {
    expect(detectFileType(head)).toBe(expected);
  });
});
