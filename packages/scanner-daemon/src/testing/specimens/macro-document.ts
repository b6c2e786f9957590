import { compoundDocument } from './compound-document.js';
import { compressVba } from './vba-compress.js';

/** A module of {@link macroDocument}. */
export interface MacroModule {
  readonly name: string;
  readonly source: Uint8Array;
}

/** What lies before the source in a module's stream: what Office keeps there, and nobody else reads. */
const CACHE_BYTES = 4096;
const MODULE_LIST_MIN_BYTES = 4096;
const SOURCE_MAX_BYTES = 4 << 20;
const REFERENCE_NAME = '*\\G{000204EF-0000-0000-C000-000000000046}#3.0#9#C:\\VBA332.DLL#VBA';

/**
 * An OLE2 file with a VBA project out of whose storage clamscan 1.4.6 takes the sources of the modules (found by
 * experiment, with a project of Excel 97 and one of Excel 2007 for patterns).
 *
 * @returns undefined where a source does not compress, or is longer than 4 MiB.
 */
export function macroDocument(modules: readonly MacroModule[]): Uint8Array | undefined {
  const streams: { name: string; content: Uint8Array }[] = [];
  for (const { name, source } of modules) {
    const packed = source.length > SOURCE_MAX_BYTES ? undefined : compressVba(source);
    if (packed === undefined) return undefined;
    streams.push({ name, content: Buffer.concat([Buffer.alloc(CACHE_BYTES), packed]) });
  }
  const list = { name: '_VBA_PROJECT', content: moduleList(modules) };
  return compoundDocument([{ name: 'VBA', content: [list, ...streams] }]);
}

/** A `_VBA_PROJECT` stream: a reference to a type library is needed, what Office keeps besides is not. */
export function moduleList(modules: readonly Pick<MacroModule, 'name'>[]): Uint8Array {
  const parts = [
    Buffer.from('cc615e00', 'hex'),
    Buffer.alloc(26),
    number16(1),
    number16(2),
    sized(REFERENCE_NAME),
    Buffer.alloc(14),
    Buffer.alloc(6, 0xff),
    Buffer.alloc(0x64),
    number16(modules.length),
    ...modules.flatMap(({ name }) => [
      sized(name),
      sized('0123456789'),
      number16(0xffff),
      Buffer.alloc(2),
      sized(name),
      Buffer.alloc(15),
      number32(CACHE_BYTES),
      number16(0xffff),
    ]),
  ];
  const missingBytes = MODULE_LIST_MIN_BYTES - parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([...parts, Buffer.alloc(Math.max(0, missingBytes))]);
}

function number16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function sized(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf16le');
  return Buffer.concat([number16(bytes.length), bytes]);
}
