import { describe, expect, test } from '@jest/globals';
import { detectFileType } from './detect-file-type.js';
import { describeType, FILE_TYPES } from './file-type.js';
import type { FileType } from './file-type.js';

const latin1 = (text: string): Uint8Array => Buffer.from(text + '.'.repeat(300), 'latin1');
const hex = (bytes: string): Uint8Array => latin1(Buffer.from(bytes, 'hex').toString('latin1'));
const behind = (count: number, text: string): Uint8Array => latin1('.'.repeat(count) + text);

/** Each row was put to clamscan 1.4.6 with one signature per target. */
const CASES: readonly (readonly [string, Uint8Array, FileType])[] = [
  ['text', latin1('hello'), 'textAscii'],
  ['text beyond ASCII', latin1('h\xe9llo'), 'textAscii'],
  ['a control character', latin1('a\x01'), 'textUtf16be'],
  ['NULs', hex('4100000000'), 'binary'],
  ['an early control unit', hex('00010203'), 'textUtf16be'],
  ['UTF-16LE', hex('fffe68006900'), 'textUtf16le'],
  ['UTF-16BE', hex('feff00680069'), 'textUtf16be'],
  ['NUL behind 1,024 bytes', behind(1024, '\0\0\0\0'), 'textAscii'],
  ['MZ', latin1('MZ'), 'pe'],
  ['ELF', latin1('\x7fELF'), 'elf'],
  ['OLE2', hex('d0cf11e0a1b11ae1'), 'ole2'],
  ['GIF', latin1('GIF'), 'gif'],
  ['JPEG', hex('ffd8ff'), 'jpeg'],
  ['two bytes of TIFF', latin1('MM'), 'tiff'],
  ['BMP', latin1('BM'), 'graphics'],
  ['fat Mach-O', hex('cafebabe0000001f'), 'machOUniversal'],
  ['Java', hex('cafebabe00000020'), 'java'],
  ['ZIP', latin1('PK\x03\x04'), 'zip'],
  ['gzip', hex('1f8b'), 'gzip'],
  ['ustar', latin1(`${'\0'.repeat(257)}ustar`), 'posixTar'],
  ['a mail', latin1('Received: by'), 'mail'],
  ['a mail header behind a line', latin1('\nReceived: by'), 'textAscii'],
  ['MP3', latin1('ID3'), 'ignored'],
  ['HTML', latin1('x <html>'), 'html'],
  ['HTML with an attribute', latin1('<html lang="en">'), 'textAscii'],
  ['a mixed case', latin1('<HtMl>'), 'textAscii'],
  ['a link', latin1('<a class="x" HREF='), 'html'],
  ['HTML at 1018', behind(1018, '<html>'), 'html'],
  ['HTML at 1019', behind(1019, '<html>'), 'textAscii'],
  ['wide HTML', Buffer.from('x <html> y', 'utf16le'), 'htmlUtf16'],
  ['PDF at 0', latin1('%PDF-1x'), 'pdf'],
  ['PDF at 1017', behind(1017, '%PDF-1.4'), 'pdf'],
  ['PDF at 1018', behind(1018, '%PDF-1.4'), 'textAscii'],
  ['no version', latin1(' %PDF-1x'), 'textAscii'],
  ['PE behind text', behind(340, `MZ${'.'.repeat(60)}PE\0\0`), 'pe'],
  ['PE header too near', behind(300, `MZ${'.'.repeat(59)}PE\0\0`), 'textUtf16be'],
  ['boot sector', latin1(`${'\0'.repeat(510)}\x55\xaa`), 'mbr'],
  ['nothing', new Uint8Array(), 'textAscii'],
];

describe('detectFileType', () => {
  test.each(CASES)('%s', (_name, head, expected) => {
    expect(detectFileType(head)).toBe(expected);
  });
});

test('every type has a target between 0 and 12', () => {
  for (const type of FILE_TYPES) expect(describeType(type).target).toBeLessThanOrEqual(12);
});
