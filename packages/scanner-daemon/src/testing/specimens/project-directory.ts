/** What a `dir` stream says of a module; what is not given follows from the name. */
export interface DirectoryModule {
  readonly name: string;
  readonly sourceOffset: number;
  readonly streamName?: string;
  readonly isClass?: boolean;
  readonly isReadOnly?: boolean;
  readonly isPrivate?: boolean;
  readonly docString?: string;
}

/** A `dir` stream before it is compressed ([MS-OVBA], 2.3.4.2), with a reference and a constant that nobody needs. */
export function projectDirectory(
  modules: readonly DirectoryModule[],
  options: { readonly codePage?: number } = {},
): Buffer {
  const version = Buffer.alloc(12);
  version.writeUInt16LE(0x09, 0);
  version.writeUInt32LE(4, 2);
  version.writeUInt32LE(1382489937, 6);
  version.writeUInt16LE(32, 10);
  return Buffer.concat([
    record(0x01, number(4, 1)),
    record(0x4a, number(4, 3)),
    record(0x02, number(4, 0x409)),
    record(0x14, number(4, 0x409)),
    record(0x03, number(2, options.codePage ?? 1252)),
    record(0x04, Buffer.from('VBAProject')),
    ...pair([0x05, 0x40], ''),
    record(0x06, Buffer.alloc(0)),
    record(0x3d, Buffer.alloc(0)),
    record(0x07, number(4, 0)),
    record(0x08, number(4, 0)),
    version,
    ...pair([0x0c, 0x3c], 'A=1'),
    ...pair([0x16, 0x3e], 'stdole'),
    record(0x0f, number(2, modules.length)),
    record(0x13, number(2, 0xffff)),
    ...modules.map(moduleRecords),
    record(0x10, Buffer.alloc(0)),
  ]);
}

function moduleRecords(module: DirectoryModule): Buffer {
  const { name, streamName = name, docString = '' } = module;
  return Buffer.concat([
    ...pair([0x19, 0x47], name),
    ...pair([0x1a, 0x32], streamName),
    ...pair([0x1c, 0x48], docString),
    record(0x31, number(4, module.sourceOffset)),
    record(0x1e, number(4, 0)),
    record(0x2c, number(2, 0xffff)),
    record(module.isClass === true ? 0x22 : 0x21, Buffer.alloc(0)),
    ...(module.isReadOnly === true ? [record(0x25, Buffer.alloc(0))] : []),
    ...(module.isPrivate === true ? [record(0x28, Buffer.alloc(0))] : []),
    record(0x2b, Buffer.alloc(0)),
  ]);
}

function pair([id, unicodeId]: readonly [number, number], text: string): readonly Buffer[] {
  return [record(id, Buffer.from(text, 'latin1')), record(unicodeId, Buffer.from(text, 'utf16le'))];
}

function record(id: number, data: Buffer): Buffer {
  return Buffer.concat([number(2, id), number(4, data.length), data]);
}

function number(sizeBytes: number, value: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  bytes.writeUIntLE(value, 0, sizeBytes);
  return bytes;
}
