/**
 * The file types that body signatures can ask for and that raw bytes alone tell apart.
 * `other` is everything else: only signatures for any target apply to it.
 */
export type FileType = 'other' | 'pe' | 'ole2' | 'graphics' | 'elf' | 'machO' | 'pdf' | 'flash' | 'java';

/** How much of the start of a file {@link detectFileType} needs: clamd 1.4.6 looks at 1,024 bytes. */
export const FILE_TYPE_HEAD_BYTES = 1024;

/** `%PDF-` may start at 0..1017: 1018 is no longer a PDF to clamd 1.4.6 (observed). */
const PDF_OFFSET_MAX = 1017;

/** Big-endian count of architectures (fat Mach-O) or version (Java class) after CAFEBABE; observed bounds. */
const FAT_MACH_O_COUNT_MAX = 0x1f;
const JAVA_VERSION_MAX = 0x3f;

const MAGICS: readonly { readonly bytes: readonly number[]; readonly type: FileType }[] = [
  { type: 'pe', bytes: [0x4d, 0x5a] },
  { type: 'elf', bytes: [0x7f, 0x45, 0x4c, 0x46] },
  { type: 'ole2', bytes: [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1] },
  { type: 'graphics', bytes: [0x47, 0x49, 0x46] },
  { type: 'graphics', bytes: [0x89, 0x50, 0x4e, 0x47] },
  { type: 'graphics', bytes: [0xff, 0xd8, 0xff] },
  { type: 'graphics', bytes: [0x49, 0x49, 0x2a, 0x00] },
  { type: 'graphics', bytes: [0x4d, 0x4d, 0x00, 0x2a] },
  { type: 'graphics', bytes: [0x42, 0x4d] },
  { type: 'graphics', bytes: [0x00, 0x00, 0x00, 0x0c, 0x6a, 0x50, 0x20, 0x20] },
  { type: 'machO', bytes: [0xce, 0xfa, 0xed, 0xfe] },
  { type: 'machO', bytes: [0xcf, 0xfa, 0xed, 0xfe] },
  { type: 'machO', bytes: [0xfe, 0xed, 0xfa, 0xce] },
  { type: 'machO', bytes: [0xfe, 0xed, 0xfa, 0xcf] },
  { type: 'flash', bytes: [0x46, 0x57, 0x53] },
  { type: 'flash', bytes: [0x43, 0x57, 0x53] },
  { type: 'flash', bytes: [0x5a, 0x57, 0x53] },
];

const CAFEBABE = [0xca, 0xfe, 0xba, 0xbe];
const PDF = [0x25, 0x50, 0x44, 0x46, 0x2d];

/**
 * Tells the file type from the first {@link FILE_TYPE_HEAD_BYTES} bytes (or all, when the file is shorter).
 * Every row was checked against clamd 1.4.6 with one signature per target.
 */
export function detectFileType(head: Uint8Array): FileType {
  for (const magic of MAGICS) {
    if (startsWith(head, magic.bytes, 0)) return magic.type;
  }
  if (head.length >= 8 && startsWith(head, CAFEBABE, 0)) {
    const count = new DataView(head.buffer, head.byteOffset, 8).getUint32(4);
    if (count <= FAT_MACH_O_COUNT_MAX) return 'machO';
    return count <= JAVA_VERSION_MAX ? 'java' : 'other';
  }
  const pdfEnd = Math.min(PDF_OFFSET_MAX, head.length - PDF.length);
  for (
    let offset = head.indexOf(0x25);
    offset !== -1 && offset <= pdfEnd;
    offset = head.indexOf(0x25, offset + 1)
  ) {
    if (startsWith(head, PDF, offset)) return 'pdf';
  }
  return 'other';
}

function startsWith(head: Uint8Array, bytes: readonly number[], headOffset: number): boolean {
  return (
    headOffset + bytes.length <= head.length &&
    bytes.every((byte, index) => head[headOffset + index] === byte)
  );
}
