import { decodeCodePage } from './vba-code-pages.js';
import { DirectoryRecords, type DirectoryRecord } from './vba-directory-records.js';
import { vbaSourceText } from './vba-source-text.js';

const TITLE = 'REM VBA project extracted from Microsoft Office document\n\n';
const RULE = `REM ${'#'.repeat(50)}\n`;
const UNDECODED_STRING = '<error decoding string>';
const UNDECODED_SOURCE = '\n<Error decoding module data>\n';
const SYSTEMS = ['Windows 16 bit', 'Windows 32 bit', 'Macintosh', 'Windows 64 bit'];
const DEFAULT_CODE_PAGE = 1252;

const PROJECT_CODE_PAGE = 0x03;
const PROJECT_TERMINATOR = 0x10;
const MODULE_NAME = 0x19;
const MODULE_NAME_UNICODE = 0x47;
const STREAM_NAME = 0x1a;
const STREAM_NAME_UNICODE = 0x32;
const DOC_STRING = 0x1c;
const DOC_STRING_UNICODE = 0x48;
const MODULE_OFFSET = 0x31;
const MODULE_HELP_CONTEXT = 0x1e;
const MODULE_COOKIE = 0x2c;
const MODULE_PROCEDURAL = 0x21;
const MODULE_CLASS = 0x22;
const MODULE_READ_ONLY = 0x25;
const MODULE_PRIVATE = 0x28;
const MODULE_TERMINATOR = 0x2b;

/** The records of the whole project that the text has a line for, and how many digits their numbers have at least. */
const NUMBERS = new Map<
  number,
  { readonly name: string; readonly sizeBytes: 2 | 4; readonly digits: number }
>([
  [0x02, { name: 'LCID', sizeBytes: 4, digits: 8 }],
  [0x14, { name: 'LCIDINVOKE', sizeBytes: 4, digits: 8 }],
  [PROJECT_CODE_PAGE, { name: 'CODEPAGE', sizeBytes: 2, digits: 4 }],
  [0x07, { name: 'HELPCONTEXT', sizeBytes: 4, digits: 4 }],
  [0x08, { name: 'LIBFLAGS', sizeBytes: 4, digits: 4 }],
  [0x13, { name: 'COOKIE', sizeBytes: 2, digits: 4 }],
]);
const STRINGS = new Map([
  [0x04, { name: 'NAME', isUnicode: false }],
  [0x05, { name: 'DOCSTRING', isUnicode: false }],
  [0x40, { name: 'DOCSTRINGUNICODE', isUnicode: true }],
  [0x06, { name: 'HELPFILEPATH', isUnicode: false }],
  [0x3d, { name: 'HELPFILEPATH2', isUnicode: true }],
]);

/** What a project's text is made of beside its `dir` stream. */
export interface ProjectSources {
  /** The most that the text may come to. */
  readonly limitBytes: number;
  /** The decompressed source at an offset of a stream of that name (UTF-16LE); undefined where there is none. */
  sourceOf(streamName: Buffer, offset: number): Uint8Array | undefined;
  mayContinue(): boolean;
}

/** The text of a project; `overLimit` where it would be longer than allowed, and `damaged` where there is none. */
export type ProjectText =
  { readonly kind: 'text'; readonly bytes: Buffer } | { readonly kind: 'damaged' | 'overLimit' };

/**
 * A VBA project as one text, byte for byte as clamscan 1.4.6 composes it out of the `dir` stream and the sources of its
 * modules (observed): signatures for any file apply to it. Without a line for references, constants and whatever is newer.
 *
 * @param dir the decompressed `dir` stream ([MS-OVBA], 2.3.4.2)
 */
export function composeProjectText(dir: Buffer, sources: ProjectSources): ProjectText {
  const writer = new ProjectWriter(sources);
  const records = new DirectoryRecords(dir);
  for (let record = records.next(); record !== undefined; record = records.next()) {
    if (record.id === PROJECT_TERMINATOR) break;
    const isWritten =
      record.id === MODULE_NAME ? writer.writeModule(record, records) : writer.writeProject(record);
    if (!isWritten) return { kind: 'damaged' };
    if (writer.isOverLimit) return { kind: 'overLimit' };
    if (!sources.mayContinue()) return { kind: 'damaged' };
  }
  return records.isDamaged ? { kind: 'damaged' } : { kind: 'text', bytes: writer.finish() };
}

class ProjectWriter {
  readonly #sources: ProjectSources;
  readonly #parts: Buffer[] = [];
  #sizeBytes = 0;
  #codePage = DEFAULT_CODE_PAGE;

  constructor(sources: ProjectSources) {
    this.#sources = sources;
    this.#write(TITLE);
  }

  get isOverLimit(): boolean {
    return this.#sizeBytes > this.#sources.limitBytes;
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** @returns false for a record of the wrong size. */
  writeProject({ id, data }: DirectoryRecord): boolean {
    const number = NUMBERS.get(id);
    const string = STRINGS.get(id);
    if (number !== undefined) {
      if (data.length !== number.sizeBytes) return false;
      const value = data.readUIntLE(0, number.sizeBytes);
      if (id === PROJECT_CODE_PAGE) this.#codePage = value;
      this.#line(`PROJECT${number.name}`, hex(value, number.digits));
    } else if (string !== undefined) {
      this.#line(`PROJECT${string.name}`, string.isUnicode ? unicode(data) : this.#decode(data));
    } else if (id === 0x01) {
      if (data.length !== 4) return false;
      const value = data.readUInt32LE(0);
      this.#line('PROJECTSYSKIND', SYSTEMS[value] ?? `Unknown (0x${value.toString(16)})`);
    } else if (id === 0x09) {
      if (data.length !== 6) return false;
      this.#line('PROJECTVERSION', `${data.readUInt32LE(0)}.${data.readUInt16LE(4)}`);
    } else if (id === 0x0f) {
      if (data.length !== 2) return false;
      this.#line('PROJECTMODULES', String(data.readUInt16LE(0)));
    }
    return true;
  }

  /** @returns false where a record is missing, or not in its place. */
  writeModule({ data }: DirectoryRecord, records: DirectoryRecords): boolean {
    this.#write('\n\n');
    this.#line('MODULENAME', this.#decode(data));
    const nameUnicode = records.expect(MODULE_NAME_UNICODE);
    if (nameUnicode === undefined) return false;
    this.#line('MODULENAMEUNICODE', unicode(nameUnicode));
    const streamName = this.#writePair(records, 'MODULESTREAMNAME', [STREAM_NAME, STREAM_NAME_UNICODE]);
    const doc = this.#writePair(records, 'MODULEDOCSTRING', [DOC_STRING, DOC_STRING_UNICODE]);
    const offset = this.#writeNumber(records, 'MODULEOFFSET', { id: MODULE_OFFSET, sizeBytes: 4 });
    const help = this.#writeNumber(records, 'MODULEHELPCONTEXT', { id: MODULE_HELP_CONTEXT, sizeBytes: 4 });
    const cookie = this.#writeNumber(records, 'MODULECOOKIE', { id: MODULE_COOKIE, sizeBytes: 2 });
    if (streamName === undefined || doc === undefined || offset === undefined) return false;
    if (help === undefined || cookie === undefined || !this.#writeKind(records)) return false;
    this.#write(RULE);
    const source = this.#sources.sourceOf(streamName, offset);
    if (source !== undefined) this.#writeSource(Buffer.from(source));
    return true;
  }

  #writeKind(records: DirectoryRecords): boolean {
    const kind = records.next();
    if (kind?.id !== MODULE_PROCEDURAL && kind?.id !== MODULE_CLASS) return false;
    this.#line('MODULETYPE', kind.id === MODULE_CLASS ? 'Class' : 'Procedural');
    let record = records.next();
    if (record?.id === MODULE_READ_ONLY) {
      this.#write('REM MODULEREADONLY\n');
      record = records.next();
    }
    if (record?.id === MODULE_PRIVATE) {
      this.#write('REM MODULEPRIVATE\n');
      record = records.next();
    }
    return record?.id === MODULE_TERMINATOR;
  }

  #writeSource(source: Buffer): void {
    const decoded = decodeCodePage(this.#codePage, source);
    if (decoded === undefined) this.#write(UNDECODED_SOURCE);
    else this.#write(vbaSourceText(decoded));
  }

  /** A string in the code page and once more in Unicode, which is returned. */
  #writePair(
    records: DirectoryRecords,
    name: string,
    [id, unicodeId]: readonly [number, number],
  ): Buffer | undefined {
    const data = records.expect(id);
    if (data === undefined) return undefined;
    const decoded = this.#decode(data);
    this.#line(name, decoded);
    const unicodeData = records.expect(unicodeId);
    if (unicodeData === undefined) return undefined;
    this.#line(`${name}UNICODE`, unicode(unicodeData));
    if (decoded !== UNDECODED_STRING && decoded !== unicode(unicodeData))
      this.#write(`REM WARNING: ${name} and ${name}UNICODE differ\n`);
    return unicodeData;
  }

  #writeNumber(
    records: DirectoryRecords,
    name: string,
    { id, sizeBytes }: { readonly id: number; readonly sizeBytes: 2 | 4 },
  ): number | undefined {
    const data = records.expect(id);
    if (data?.length !== sizeBytes) return undefined;
    const value = data.readUIntLE(0, sizeBytes);
    this.#line(name, hex(value, 2 * sizeBytes));
    return value;
  }

  #decode(data: Buffer): string {
    if (data.length === 0) return '';
    return decodeCodePage(this.#codePage, data)?.toString() ?? UNDECODED_STRING;
  }

  #line(name: string, value: string): void {
    this.#write(`REM ${name}: ${value}\n`);
  }

  #write(text: string | Buffer): void {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    this.#sizeBytes += bytes.length;
    if (!this.isOverLimit) this.#parts.push(bytes);
  }
}

function unicode(data: Buffer): string {
  return data.toString('utf16le');
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}
