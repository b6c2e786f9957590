import type { FileType } from './file-type.js';

/** Bytes at a fixed place that tell a type. */
export interface Magic {
  /** Within the first {@link FILE_TYPE_HEAD_BYTES} of the file. */
  readonly fileOffset: number;
  /** Matched byte for byte; undefined stands for any byte. */
  readonly bytes: readonly (number | undefined)[];
  readonly type: FileType;
}

const ascii = (text: string): number[] => [...Buffer.from(text, 'latin1')];
const hex = (text: string): number[] => [...Buffer.from(text, 'hex')];

const atStart = (type: FileType, ...values: readonly (readonly (number | undefined)[])[]): Magic[] =>
  values.map((bytes) => ({ fileOffset: 0, bytes, type }));

/** A header that begins a mail, at the very start of the file and with this spelling only. */
const MAIL_STARTS = [
  'From ',
  'From: ',
  '>From ',
  'Received: ',
  'Received-SPF: ',
  'Return-Path: ',
  'Return-path: ',
  'Delivered-To: ',
  'Delivery-date: ',
  'Message-ID: ',
  'Message-Id: ',
  'Date: ',
  'Subject: ',
  'To: ',
  'Envelope-to: ',
  'X-UIDL: ',
  'X-Apparently-To: ',
  'X-Envelope-From: ',
  'X-Original-To: ',
  'X-Real-To: ',
  'X-Sieve: ',
  'X-Symantec-',
  'X-EVS',
  'Hi. This is the qmail-send',
];

/** Level letters that follow `-lh`, `-lz` and `-pm` in an LHA header. */
const LHA_METHODS = [
  ...Array.from('01234567dx', (level) => `-lh${level}-`),
  ...Array.from('45s', (level) => `-lz${level}-`),
  ...Array.from('012s', (level) => `-pm${level}-`),
];

/** Python files end their 4-byte number with CR LF; before 3.7 each version had one of its own. */
const PYTHON_NUMBERS = ['3b0c', 'ee0c', '160d', '170d', '330d', 'd1f2', 'b3f2', '03f3'];

/** Every row was put to clamscan 1.4.6. The first that fits decides, before any look at text. */
export const MAGICS: readonly Magic[] = [
  ...atStart('pe', ascii('MZ')),
  ...atStart('elf', ascii('\x7fELF')),
  ...atStart('ole2', hex('d0cf11e0a1b11ae1')),
  ...atStart('zip', ascii('PK\x03\x04'), ascii('PK00PK\x03\x04')),
  ...atStart('rar', ascii('Rar!')),
  ...atStart('gzip', hex('1f8b')),
  ...atStart('bzip2', ascii('BZh')),
  ...atStart('xz', hex('fd377a585a00')),
  ...atStart('sevenZip', hex('377abcaf271c')),
  ...atStart('arj', hex('60ea')),
  ...atStart('cab', ascii('MSCF\0\0\0\0')),
  ...atStart('chm', ascii('ITSF')),
  ...atStart('szdd', ascii('SZDD')),
  ...atStart('egg', ascii('EGGA')),
  ...atStart('alz', ascii('ALZ\x01')),
  ...atStart('xar', ascii('xar!')),
  ...atStart('cpioOld', hex('c771'), hex('71c7')),
  ...atStart('cpioOdc', ascii('070707')),
  ...atStart('cpioNewc', ascii('070701')),
  ...atStart('cpioCrc', ascii('070702')),
  ...atStart('binhex', ascii('(This file must be converted with BinHex')),
  ...atStart('uuencoded', ascii('begin ')),
  ...atStart('screnc', ascii('#@~^')),
  ...atStart('tnef', hex('789f3e22')),
  ...atStart('cryptff', hex('b6b9acaefeffffff')),
  ...atStart('rtf', ascii('{\\rtf')),
  ...atStart('riff', ascii('RIFF'), ascii('RIFX')),
  ...atStart('pdf', ascii('%PDF-')),
  ...atStart('postscript', ascii('%!PS-Adobe-')),
  ...atStart('shortcut', hex('4c0000000114020000000000c000000000000046')),
  ...atStart('oneNote', hex('e4525c7b8cd8a74daeb15378d02996d3')),
  ...atStart('hwp3', ascii('HWP Document File V3.00 \x1a\x01\x02\x03\x04\x05')),
  ...atStart('gif', ascii('GIF')),
  ...atStart('png', ascii('\x89PNG')),
  ...atStart('jpeg', hex('ffd8ff')),
  ...atStart('tiff', ascii('II*\0'), ascii('MM')),
  ...atStart('graphics', ascii('BM'), hex('0000000c6a5020200d0a870a')),
  ...atStart('machO', hex('cefaedfe'), hex('cffaedfe'), hex('feedface'), hex('feedfacf')),
  ...atStart('flash', ascii('FWS'), ascii('CWS'), ascii('ZWS')),
  ...atStart('python', ...PYTHON_NUMBERS.map((number) => hex(`${number}0d0a`)), [
    undefined,
    0x0d,
    0x0d,
    0x0a,
  ]),
  ...atStart('ignored', ascii('ID3'), hex('fffb90'), ascii('OggS'), ascii('.RMF')),
  ...atStart('ignored', ascii('SQLite format 3\0')),
  ...MAIL_STARTS.flatMap((start) => atStart('mail', ascii(start))),
  ...LHA_METHODS.map((method) => ({ fileOffset: 2, bytes: ascii(method), type: 'lha' as const })),
  { fileOffset: 257, bytes: ascii('ustar'), type: 'posixTar' },
  { fileOffset: 512, bytes: ascii('EFI PART'), type: 'gpt' },
];

/** True when the magic stands in `head`. */
export function isMagicAt(head: Uint8Array, { fileOffset, bytes }: Magic): boolean {
  if (fileOffset + bytes.length > head.length) return false;
  return bytes.every((byte, index) => byte === undefined || head[fileOffset + index] === byte);
}
