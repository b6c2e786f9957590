import type { FileType } from '../file-types/file-type.js';
import { findMailMark } from '../file-types/marks.js';
import type { ContainerFormat } from '../unpack/unpacker.js';
import type { BuiltinEngineOptions } from './engine-options.js';

/** RFC 8878, section 3.1.1. */
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd] as const;

const ARCHIVES: Readonly<Partial<Record<FileType, ContainerFormat>>> = {
  zip: 'zip',
  ooxmlWord: 'zip',
  ooxmlExcel: 'zip',
  ooxmlPowerpoint: 'zip',
  ooxmlHwp: 'zip',
  gzip: 'gzip',
  bzip2: 'bzip2',
  xz: 'xz',
  sevenZip: '7z',
  oldTar: 'tar',
  posixTar: 'tar',
};

/** Types of files in which a mail may stand behind something else (observed). */
const MAY_HOLD_MAIL: ReadonlySet<FileType> = new Set(['textAscii', 'textUtf16le', 'textUtf16be', 'binary']);

/** The unpacker that a file needs; undefined where it holds nothing that we open, or is not to be looked into. */
export function containerFormatOf(
  type: FileType,
  head: Uint8Array,
  parse: BuiltinEngineOptions['parse'],
): ContainerFormat | undefined {
  if (type === 'ole2') return parse.ole2 ? 'ole2' : undefined;
  if (type === 'mail') return parse.mail ? 'mail' : undefined;
  const archive = parse.archive ? archiveFormatOf(type, head) : undefined;
  return archive ?? (parse.mail && MAY_HOLD_MAIL.has(type) && findMailMark(head) !== -1 ? 'mail' : undefined);
}

function archiveFormatOf(type: FileType, head: Uint8Array): ContainerFormat | undefined {
  const format = ARCHIVES[type];
  if (format !== undefined) return format;
  // clamscan 1.4.6 has no type for it.
  return ZSTD_MAGIC.every((byte, index) => head[index] === byte) ? 'zstd' : undefined;
}
