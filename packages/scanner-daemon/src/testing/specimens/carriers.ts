import { layOut } from '../../engine/executables/testing/byte-layout.js';
import type { Filling } from './block.js';

/** The beginning of a file that ClamAV takes for one of its target types. */
export interface Carrier {
  readonly filling: Filling;
  readonly bytes: Uint8Array;
  /** So many of the first bytes make the type: nothing else may lie there. The others may be overwritten. */
  readonly magicBytes: number;
  /** May be left out where a signature wants something else there: the type follows from what else is in the file. */
  readonly isSoft: boolean;
}

const FREE_SECTOR = 0xffffffff;
const END_OF_CHAIN = 0xfffffffe;
const FAT_SECTOR = 0xfffffffd;
const SECTOR_BYTES = 512;

/** The carrier of a ClamAV target type that is no executable; undefined for those that ClamAV has no files of. */
export function carrierOf(target: number): Carrier | undefined {
  switch (target) {
    case 0:
      return { filling: 'binary', bytes: Uint8Array.of(0xc1, 0xd3, 0xc8), magicBytes: 0, isSoft: true };
    case 2:
      return { filling: 'binary', bytes: compoundFile(), magicBytes: 8, isSoft: false };
    case 3:
      return soft('<html><head></head><body>\n');
    case 4:
      return soft(
        'From: a@example.com\r\nTo: b@example.com\r\nSubject: q\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n',
      );
    case 5:
      return hard('GIF89a\x10\0\x10\0\0\0\0', 6);
    case 7:
      return soft('qzkv wjxg\n');
    case 10:
      return hard('%PDF-1.4\n', 5);
    case 11:
      return hard('FWS\x09\0\x10\0\0', 3);
    case 12:
      return hard('\xca\xfe\xba\xbe\0\0\0\x34', 8);
    default:
      return undefined;
  }
}

/** The beginnings of other files of a target type, for signatures that want one of them. */
export function otherCarriersOf(target: number): readonly Carrier[] {
  if (target !== 5) return [];
  return [
    hard('\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0', 8),
    hard('\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 11),
    hard('II*\0\x08\0\0\0', 4),
  ];
}

/** The source of a VBA module, to which signatures for OLE2 files apply as well. */
export const MACRO_CARRIER: Carrier = soft('Attribute VB_Name = "q"\r\n');

function soft(text: string): Carrier {
  return { filling: 'text', bytes: Buffer.from(text, 'latin1'), magicBytes: 0, isSoft: true };
}

function hard(text: string, magicBytes: number): Carrier {
  return { filling: 'binary', bytes: Buffer.from(text, 'latin1'), magicBytes, isSoft: false };
}

/** An OLE2 compound file with nothing in its root; what lies behind its three sectors belongs to no stream. */
function compoundFile(): Uint8Array {
  const fat = Buffer.alloc(SECTOR_BYTES, 0xff);
  fat.writeUInt32LE(FAT_SECTOR, 0);
  fat.writeUInt32LE(END_OF_CHAIN, 4);
  return layOut([
    { fileOffset: 0, bytes: compoundHeader() },
    { fileOffset: SECTOR_BYTES, bytes: fat },
    { fileOffset: 2 * SECTOR_BYTES, bytes: compoundRoot() },
  ]);
}

function compoundHeader(): Uint8Array {
  const header = Buffer.alloc(SECTOR_BYTES, 0xff);
  header.fill(0, 8, 76);
  header.write('d0cf11e0a1b11ae1', 'hex');
  header.writeUInt16LE(0x3e, 24);
  header.writeUInt16LE(3, 26);
  header.writeUInt16LE(0xfffe, 28);
  header.writeUInt16LE(9, 30);
  header.writeUInt16LE(6, 32);
  header.writeUInt32LE(1, 44);
  header.writeUInt32LE(1, 48);
  header.writeUInt32LE(4096, 56);
  header.writeUInt32LE(END_OF_CHAIN, 60);
  header.writeUInt32LE(END_OF_CHAIN, 68);
  header.writeUInt32LE(0, 76);
  return header;
}

function compoundRoot(): Uint8Array {
  const name = Buffer.from('Root Entry\0', 'utf16le');
  const directory = Buffer.alloc(SECTOR_BYTES);
  name.copy(directory);
  directory.writeUInt16LE(name.length, 64);
  directory.writeUInt8(5, 66);
  directory.writeUInt8(1, 67);
  for (const at of [68, 72, 76]) directory.writeUInt32LE(FREE_SECTOR, at);
  directory.writeUInt32LE(END_OF_CHAIN, 116);
  return directory;
}
