/** What ClamAV calls a file of one type: the target of signatures and the `CL_TYPE_…` name. */
export interface FileTypeDescription {
  /** Target number of body signatures (manual, "Target types"); 0 where only signatures for any target apply. */
  readonly target: number;
  readonly clamType: `CL_TYPE_${string}`;
}

/** One row a type. Targets were observed with one signature a target; see the tests for the files. */
const DESCRIPTIONS = {
  /** Nothing known, and not text. */
  binary: { target: 0, clamType: 'CL_TYPE_BINARY_DATA' },
  /** MP3, Ogg, SQLite, Real Media: clamscan 1.4.6 matches nothing at all in these, not even hashes of target 0. */
  ignored: { target: 0, clamType: 'CL_TYPE_IGNORED' },
  pe: { target: 1, clamType: 'CL_TYPE_MSEXE' },
  ole2: { target: 2, clamType: 'CL_TYPE_MSOLE2' },
  html: { target: 3, clamType: 'CL_TYPE_HTML' },
  htmlUtf16: { target: 3, clamType: 'CL_TYPE_HTML_UTF16' },
  mail: { target: 4, clamType: 'CL_TYPE_MAIL' },
  graphics: { target: 5, clamType: 'CL_TYPE_GRAPHICS' },
  gif: { target: 5, clamType: 'CL_TYPE_GIF' },
  png: { target: 5, clamType: 'CL_TYPE_PNG' },
  jpeg: { target: 5, clamType: 'CL_TYPE_JPEG' },
  tiff: { target: 5, clamType: 'CL_TYPE_TIFF' },
  elf: { target: 6, clamType: 'CL_TYPE_ELF' },
  textAscii: { target: 7, clamType: 'CL_TYPE_TEXT_ASCII' },
  textUtf16le: { target: 7, clamType: 'CL_TYPE_TEXT_UTF16LE' },
  textUtf16be: { target: 7, clamType: 'CL_TYPE_TEXT_UTF16BE' },
  machO: { target: 9, clamType: 'CL_TYPE_MACHO' },
  machOUniversal: { target: 9, clamType: 'CL_TYPE_MACHO_UNIBIN' },
  pdf: { target: 10, clamType: 'CL_TYPE_PDF' },
  flash: { target: 11, clamType: 'CL_TYPE_SWF' },
  java: { target: 12, clamType: 'CL_TYPE_JAVA' },
  zip: { target: 0, clamType: 'CL_TYPE_ZIP' },
  ooxmlWord: { target: 0, clamType: 'CL_TYPE_OOXML_WORD' },
  ooxmlExcel: { target: 0, clamType: 'CL_TYPE_OOXML_XL' },
  ooxmlPowerpoint: { target: 0, clamType: 'CL_TYPE_OOXML_PPT' },
  ooxmlHwp: { target: 0, clamType: 'CL_TYPE_OOXML_HWP' },
  rar: { target: 0, clamType: 'CL_TYPE_RAR' },
  gzip: { target: 0, clamType: 'CL_TYPE_GZ' },
  bzip2: { target: 0, clamType: 'CL_TYPE_BZ' },
  xz: { target: 0, clamType: 'CL_TYPE_XZ' },
  sevenZip: { target: 0, clamType: 'CL_TYPE_7Z' },
  oldTar: { target: 0, clamType: 'CL_TYPE_OLD_TAR' },
  posixTar: { target: 0, clamType: 'CL_TYPE_POSIX_TAR' },
  arj: { target: 0, clamType: 'CL_TYPE_ARJ' },
  cab: { target: 0, clamType: 'CL_TYPE_MSCAB' },
  chm: { target: 0, clamType: 'CL_TYPE_MSCHM' },
  szdd: { target: 0, clamType: 'CL_TYPE_MSSZDD' },
  lha: { target: 0, clamType: 'CL_TYPE_LHA_LZH' },
  egg: { target: 0, clamType: 'CL_TYPE_EGG' },
  alz: { target: 0, clamType: 'CL_TYPE_ALZ' },
  xar: { target: 0, clamType: 'CL_TYPE_XAR' },
  cpioOld: { target: 0, clamType: 'CL_TYPE_CPIO_OLD' },
  cpioOdc: { target: 0, clamType: 'CL_TYPE_CPIO_ODC' },
  cpioNewc: { target: 0, clamType: 'CL_TYPE_CPIO_NEWC' },
  cpioCrc: { target: 0, clamType: 'CL_TYPE_CPIO_CRC' },
  sis: { target: 0, clamType: 'CL_TYPE_SIS' },
  binhex: { target: 0, clamType: 'CL_TYPE_BINHEX' },
  uuencoded: { target: 0, clamType: 'CL_TYPE_UUENCODED' },
  screnc: { target: 0, clamType: 'CL_TYPE_SCRENC' },
  tnef: { target: 0, clamType: 'CL_TYPE_TNEF' },
  cryptff: { target: 0, clamType: 'CL_TYPE_CRYPTFF' },
  rtf: { target: 0, clamType: 'CL_TYPE_RTF' },
  riff: { target: 0, clamType: 'CL_TYPE_RIFF' },
  postscript: { target: 0, clamType: 'CL_TYPE_PS' },
  shortcut: { target: 0, clamType: 'CL_TYPE_LNK' },
  oneNote: { target: 0, clamType: 'CL_TYPE_ONENOTE' },
  hwp3: { target: 0, clamType: 'CL_TYPE_HWP3' },
  python: { target: 0, clamType: 'CL_TYPE_PYTHON_COMPILED' },
  nsis: { target: 0, clamType: 'CL_TYPE_NULSFT' },
  autoit: { target: 0, clamType: 'CL_TYPE_AUTOIT' },
  xdp: { target: 0, clamType: 'CL_TYPE_XDP' },
  mbr: { target: 0, clamType: 'CL_TYPE_MBR' },
  gpt: { target: 0, clamType: 'CL_TYPE_GPT' },
  udf: { target: 0, clamType: 'CL_TYPE_UDF' },
} as const satisfies Readonly<Record<string, FileTypeDescription>>;

/** What a file is, told from its bytes. */
export type FileType = keyof typeof DESCRIPTIONS;

/** All of them, in the order of the table. */
export const FILE_TYPES: readonly FileType[] =
  // Object.keys widens to string; the keys are exactly those of the table.
  Object.keys(DESCRIPTIONS) as FileType[];

const BY_CLAM_TYPE: ReadonlyMap<string, FileType> = new Map(
  FILE_TYPES.map((type) => [DESCRIPTIONS[type].clamType, type]),
);

/** The type that ClamAV calls `CL_TYPE_…`; undefined for one that we do not tell from others. */
export function fileTypeOf(clamType: string): FileType | undefined {
  return BY_CLAM_TYPE.get(clamType);
}

/** Target and `CL_TYPE_…` of a type. */
export function describeType(type: FileType): FileTypeDescription {
  return DESCRIPTIONS[type];
}
