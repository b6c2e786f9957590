import { ByteWriter, layOut, roundUpTo } from './byte-layout.js';
import type { Placement } from './byte-layout.js';

/** One library with what is imported from it: names, or ordinals. */
export interface PeImport {
  readonly library: string;
  readonly functions: readonly (string | number)[];
}

/** An import table that lies at a virtual address, with its names behind it. */
export function importTable(
  imports: readonly PeImport[],
  virtualAddress: number,
  is64Bit: boolean,
): Uint8Array {
  const thunkBytes = is64Bit ? 8 : 4;
  const placements: Placement[] = [];
  let end = 20 * (imports.length + 1);
  const append = (bytes: Uint8Array): number => {
    const at = end;
    placements.push({ fileOffset: at, bytes });
    end = roundUpTo(at + bytes.length, 8);
    return virtualAddress + at;
  };
  const rows = new ByteWriter(true);
  for (const { library, functions } of imports) {
    const thunks = new ByteWriter(true);
    for (const name of functions) {
      if (typeof name === 'number')
        thunks.number((1n << BigInt(8 * thunkBytes - 1)) | BigInt(name), thunkBytes);
      else thunks.number(append(new ByteWriter(true).u16(0).text(`${name}\0`).finish()), thunkBytes);
    }
    const lookup = append(thunks.number(0, thunkBytes).finish());
    rows.u32(
      lookup,
      0,
      0,
      append(new ByteWriter(true).text(`${library}\0`).finish()),
      append(thunks.finish()),
    );
  }
  return layOut([{ fileOffset: 0, bytes: rows.finish() }, ...placements], end);
}

/** A resource tree of one version resource (type 16, name 1, language 0x409) that lies at a virtual address. */
export function versionResources(
  strings: readonly (readonly [key: string, value: string])[],
  virtualAddress: number,
): Uint8Array {
  const dataAt = 0x60;
  const resource = versionResource(strings);
  const directory = (id: number, target: number): Uint8Array =>
    new ByteWriter(true).u32(0, 0, 0).u16(0, 1).u32(id, target).finish();
  const dataEntry = new ByteWriter(true).u32(virtualAddress + dataAt, resource.length, 0, 0).finish();
  return layOut([
    { fileOffset: 0, bytes: directory(16, 0x80000018) },
    { fileOffset: 0x18, bytes: directory(1, 0x80000030) },
    { fileOffset: 0x30, bytes: directory(0x409, 0x48) },
    { fileOffset: 0x48, bytes: dataEntry },
    { fileOffset: dataAt, bytes: resource },
  ]);
}

/** One version resource. Every block is filled up to four bytes, which clamscan needs to take the last string. */
export function versionResource(strings: readonly (readonly [key: string, value: string])[]): Uint8Array {
  const table = versionBlock('040904b0', [
    ...strings.map(([key, value]) => versionBlock(key, [wide(`${value}\0`)], value.length + 1)),
  ]);
  const fixed = new ByteWriter(true).u32(0xfeef04bd, 0x10000).text('', 44).finish();
  return versionBlock('VS_VERSION_INFO', [fixed, versionBlock('StringFileInfo', [table])], fixed.length, 0);
}

function versionBlock(key: string, parts: readonly Uint8Array[], valueLength = 0, type = 1): Uint8Array {
  const body = new ByteWriter(true).bytes(wide(`${key}\0`));
  for (const part of parts) {
    body.text('', roundUpTo(6 + body.lengthBytes, 4) - 6 - body.lengthBytes).bytes(part);
  }
  body.text('', roundUpTo(6 + body.lengthBytes, 4) - 6 - body.lengthBytes);
  return new ByteWriter(true)
    .u16(6 + body.lengthBytes, valueLength, type)
    .bytes(body.finish())
    .finish();
}

function wide(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'utf16le'));
}
