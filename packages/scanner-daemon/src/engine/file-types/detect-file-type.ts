import type { FileType } from './file-type.js';
import { findEmbeddedMark, findPe, hasHtmlMark, hasPdfMark, hasWideHtmlMark } from './marks.js';
import { isMagicAt, MAGICS } from './magics.js';
import { classifyText } from './text-class.js';
import { hasTarChecksum } from './tar-checksum.js';

/** How much of the start of a file {@link detectFileType} needs: clamscan 1.4.6 looks at 1,024 bytes. */
export const FILE_TYPE_HEAD_BYTES = 1024;

/** Big-endian count of architectures (fat Mach-O) or version (Java class) after CAFEBABE; observed bounds. */
const FAT_MACH_O_COUNT_MAX = 0x1f;
const JAVA_VERSION_MAX = 0x3f;
const CAFEBABE = 0xcafebabe;

const BOOT_SIGNATURE_OFFSET = 510;

/**
 * Tells the file type from the first {@link FILE_TYPE_HEAD_BYTES} bytes (or all, when the file is shorter).
 * A fixed magic decides first; what is text or unknown is then searched for marks of HTML, PDF, PE and others.
 */
export function detectFileType(head: Uint8Array): FileType {
  const window = head.length > FILE_TYPE_HEAD_BYTES ? head.subarray(0, FILE_TYPE_HEAD_BYTES) : head;
  const magic = MAGICS.find((candidate) => isMagicAt(window, candidate));
  if (magic !== undefined) return magic.type;
  const text = classifyText(window);
  return findMark(window, text === 'textUtf16be') ?? typeOfCafebabe(window) ?? binaryType(window) ?? text;
}

/** What stands somewhere in the head of a file without a magic of its own. */
function findMark(window: Uint8Array, maybeBigEndian: boolean): FileType | undefined {
  const embedded = findEmbeddedMark(window);
  if (embedded !== undefined) return embedded;
  if (hasHtmlMark(window)) return 'html';
  if (hasPdfMark(window)) return 'pdf';
  if (findPe(window) !== -1) return 'pe';
  if (hasWideHtmlMark(window)) return 'htmlUtf16';
  return maybeBigEndian && isMarkedBigEndianHtml(window) ? 'htmlUtf16' : undefined;
}

/** Big-endian UTF-16 counts as HTML only with a byte order mark (observed). */
function isMarkedBigEndianHtml(window: Uint8Array): boolean {
  if (window[0] !== 0xfe || window[1] !== 0xff) return false;
  const swapped = Buffer.from(window.subarray(0, window.length & ~1)).swap16();
  return hasWideHtmlMark(swapped);
}

function typeOfCafebabe(window: Uint8Array): FileType | undefined {
  if (window.length < 8) return undefined;
  const view = new DataView(window.buffer, window.byteOffset, 8);
  if (view.getUint32(0) !== CAFEBABE) return undefined;
  const count = view.getUint32(4);
  if (count <= FAT_MACH_O_COUNT_MAX) return 'machOUniversal';
  return count <= JAVA_VERSION_MAX ? 'java' : undefined;
}

function binaryType(window: Uint8Array): FileType | undefined {
  if (hasSisUid(window)) return 'sis';
  if (window[BOOT_SIGNATURE_OFFSET] === 0x55 && window[BOOT_SIGNATURE_OFFSET + 1] === 0xaa) return 'mbr';
  return hasTarChecksum(window) ? 'oldTar' : undefined;
}

/** UID 0x10000419 as third or second number of a Symbian installation file. */
function hasSisUid(window: Uint8Array): boolean {
  return (
    window.length >= 12 &&
    new DataView(window.buffer, window.byteOffset, 12).getUint32(8, true) === 0x10000419
  );
}
