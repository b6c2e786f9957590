import type { Filling } from './block.js';
import { compoundDocument } from './compound-document.js';

/** The beginning of a file that ClamAV takes for one of its target types. */
export interface Carrier {
  readonly filling: Filling;
  readonly bytes: Uint8Array;
  /** So many of the first bytes make the type: nothing else may lie there. The others may be overwritten. */
  readonly magicBytes: number;
  /** May be left out where a signature wants something else there: the type follows from what else is in the file. */
  readonly isSoft: boolean;
}

/** The carrier of a ClamAV target type that is no executable; undefined for those that ClamAV has no files of. */
export function carrierOf(target: number): Carrier | undefined {
  switch (target) {
    case 0:
      return { filling: 'binary', bytes: Uint8Array.of(0xc1, 0xd3, 0xc8), magicBytes: 0, isSoft: true };
    case 2:
      // Nothing in its root: what lies behind its three sectors belongs to no stream.
      return { filling: 'binary', bytes: compoundDocument([]), magicBytes: 8, isSoft: false };
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
