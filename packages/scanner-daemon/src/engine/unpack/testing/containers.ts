import { crc32, deflateRawSync } from 'node:zlib';

/** An entry of {@link zipOf}; what is not given is true. */
export interface ZipEntry {
  readonly name: string;
  readonly content: Uint8Array;
  readonly method?: 0 | 8;
  readonly flags?: number;
  /** Left out of the central directory. */
  readonly isHidden?: boolean;
}

/** A zip archive. */
export function zipOf(
  entries: readonly ZipEntry[],
  options: { readonly hasDirectory?: boolean } = {},
): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const { name, content, method = 8, flags = 0, isHidden = false } of entries) {
    const data = method === 8 ? deflateRawSync(content) : Buffer.from(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), common, Buffer.from(name), data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    if (!isHidden)
      centrals.push(Buffer.concat([Buffer.from('PK\u0001\u0002\u0014\0'), common, tail, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  if (options.hasDirectory === false) return Buffer.concat(locals);
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006');
  end.writeUInt16LE(centrals.length, 8);
  end.writeUInt16LE(centrals.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

/** One member of a tar archive with its header; fields may be overwritten before the checksum is made. */
export function tarMember(
  name: string,
  content: Uint8Array,
  options: { readonly type?: string; readonly change?: (header: Buffer) => void } = {},
): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100, 'latin1');
  header.write('0000644\0', 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write(options.type ?? '0', 156);
  header.write('ustar\u000000', 257);
  options.change?.(header);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** A tar archive of these members with its end. */
export function tarOf(members: readonly Buffer[]): Buffer {
  return Buffer.concat([...members, Buffer.alloc(1024)]);
}

/** A 7z archive whose files are stored one after the other, its header not packed. */
export function sevenZipOf(
  files: readonly { readonly name: string; readonly content: Uint8Array }[],
): Buffer {
  const packed = Buffer.concat(files.map((file) => file.content));
  const names = Buffer.concat([
    Buffer.from([0]),
    ...files.map((file) => Buffer.from(`${file.name}\0`, 'utf16le')),
  ]);
  const sizes = files.slice(0, -1).flatMap((file) => [...sevenZipNumber(file.content.length)]);
  const checksums = Buffer.alloc(4 * files.length);
  for (const [index, file] of files.entries()) checksums.writeUInt32LE(crc32(file.content), 4 * index);
  const header = Buffer.from([
    ...[0x01, 0x04],
    ...[0x06, 0x00, 0x01, 0x09, ...sevenZipNumber(packed.length), 0x00],
    ...[0x07, 0x0b, 0x01, 0x00, 0x01, 0x01, 0x00, 0x0c, ...sevenZipNumber(packed.length), 0x00],
    ...[0x08, 0x0d, files.length, 0x09, ...sizes, 0x0a, 0x01, ...checksums, 0x00, 0x00],
    ...[0x05, files.length, 0x11, ...sevenZipNumber(names.length), ...names, 0x00, 0x00],
  ]);
  const start = Buffer.alloc(20);
  start.writeUInt32LE(packed.length, 0);
  start.writeUInt32LE(header.length, 8);
  start.writeUInt32LE(crc32(header), 16);
  const signature = Buffer.from([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 4, 0, 0, 0, 0]);
  signature.writeUInt32LE(crc32(start), 8);
  return Buffer.concat([signature, start, packed, header]);
}

/** 7z's numbers of variable length, up to four bytes of value. */
function sevenZipNumber(value: number): readonly number[] {
  return [0xf0, value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
}

/** A compound file (version 3) whose streams have at least 4096 bytes each, and no more than fit one FAT sector. */
export function compoundFileOf(
  streams: readonly { readonly name: string; readonly content: Uint8Array }[],
): Buffer {
  const fat = Buffer.alloc(512, 0xff);
  const chain = (first: number, count: number): void => {
    for (let index = 0; index < count; index += 1)
      fat.writeUInt32LE(index === count - 1 ? 0xfffffffe : first + index + 1, 4 * (first + index));
  };
  fat.writeUInt32LE(0xfffffffd, 0);
  const directorySectors = Math.ceil((streams.length + 1) / 4);
  chain(1, directorySectors);
  let sector = 1 + directorySectors;
  const entries = [compoundEntry('Root Entry', 5, 0xfffffffe, 0)];
  const data: Buffer[] = [];
  for (const { name, content } of streams) {
    const count = Math.ceil(content.length / 512);
    chain(sector, count);
    entries.push(compoundEntry(name, 2, sector, content.length));
    data.push(Buffer.from(content), Buffer.alloc(count * 512 - content.length));
    sector += count;
  }
  const header = Buffer.alloc(512);
  header.write('d0cf11e0a1b11ae1', 'hex');
  header.writeUInt16LE(9, 30);
  header.writeUInt16LE(6, 32);
  header.writeUInt32LE(1, 48);
  header.writeUInt32LE(4096, 56);
  header.fill(0xff, 60, 64);
  header.fill(0xff, 68, 72);
  header.fill(0xff, 76);
  header.writeUInt32LE(0, 76);
  const directory = Buffer.concat(entries);
  const padding = Buffer.alloc(directorySectors * 512 - directory.length);
  return Buffer.concat([header, fat, directory, padding, ...data]);
}

function compoundEntry(name: string, type: number, sector: number, sizeBytes: number): Buffer {
  const entry = Buffer.alloc(128);
  entry.write(name, 'utf16le');
  entry.writeUInt16LE(2 * name.length + 2, 64);
  entry[66] = type;
  entry.fill(0xff, 68, 80);
  entry.writeUInt32LE(sector, 116);
  entry.writeUInt32LE(sizeBytes, 120);
  return entry;
}
