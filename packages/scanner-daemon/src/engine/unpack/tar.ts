import type { ScanInput } from '../engine.js';
import { ContainerWalk } from './container-walk.js';
import { inputRange, readStructure } from './input-range.js';
import type { UnpackContext, UnpackOutcome, Unpacker } from './unpacker.js';

const BLOCK_BYTES = 512;
/** Longer names are cut: names are matched by signatures only. */
const NAME_MAX_BYTES = 4096;

/** What a header says of the member behind it. */
interface TarHeader {
  readonly name: Uint8Array;
  readonly type: string;
  readonly sizeBytes: number;
  readonly isPosix: boolean;
}

/** tar: ustar, pax, GNU long names, the old format, and what is left of a truncated one. */
export const tarUnpacker: Unpacker = { format: 'tar', unpack: unpackTar };

function unpackTar(input: ScanInput, context: UnpackContext): UnpackOutcome {
  const walk = new ContainerWalk(context);
  let isPosix: boolean | undefined;
  let extended: TarExtension = {};
  let offset = 0;
  while (offset + BLOCK_BYTES <= input.sizeBytes && walk.mayContinue()) {
    const block = readStructure(input, offset, BLOCK_BYTES);
    if (block === undefined || isZero(block)) break;
    offset += BLOCK_BYTES;
    const header = readHeader(block);
    if (header === undefined) {
      // clamscan 1.4.6 goes on at the next block, too, until a header is right again.
      walk.damaged();
      continue;
    }
    isPosix ??= header.isPosix;
    if (isPosix && !header.isPosix) {
      walk.damaged();
      break;
    }
    const sizeBytes = EXTENSION_TYPES.has(header.type)
      ? header.sizeBytes
      : (extended.sizeBytes ?? header.sizeBytes);
    const content = inputRange(input, offset, sizeBytes);
    if (content.sizeBytes < sizeBytes) walk.damaged();
    if (EXTENSION_TYPES.has(header.type)) extended = { ...extended, ...readExtension(header.type, content) };
    else {
      const name = extended.name ?? header.name;
      extended = {};
      if (!NAMED_ONLY_TYPES.has(header.type) && content.sizeBytes > 0)
        walk.emit({ name, input: content, compressedSizeBytes: content.sizeBytes });
    }
    if (HAS_NO_CONTENT_TYPES.has(header.type)) continue;
    offset += Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return walk.outcome();
}

/** Links, devices, directories, FIFOs: nothing in them is a file. */
const NAMED_ONLY_TYPES: ReadonlySet<string> = new Set(['1', '2', '3', '4', '5', '6', 'V']);
/** Of these the size field says nothing about what follows. */
const HAS_NO_CONTENT_TYPES: ReadonlySet<string> = new Set(['2', '3', '4', '6']);
/** GNU long name and long link; pax headers for one member and for all. */
const EXTENSION_TYPES: ReadonlySet<string> = new Set(['L', 'K', 'x', 'g', 'X']);

interface TarExtension {
  readonly name?: Uint8Array;
  readonly sizeBytes?: number;
}

function readExtension(type: string, content: ScanInput): TarExtension {
  const lengthBytes = Math.min(content.sizeBytes, NAME_MAX_BYTES);
  const bytes = readStructure(content, 0, lengthBytes);
  if (bytes === undefined) return {};
  if (type === 'L') return { name: untilZero(bytes) };
  return type === 'x' || type === 'X' ? readPaxRecords(bytes) : {};
}

/** Records of the form `<length> <key>=<value>\n` (pax(1)); those behind a wrong one are ignored. */
function readPaxRecords(bytes: Buffer): TarExtension {
  let extension: TarExtension = {};
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const lengthBytes = space === -1 ? NaN : Number(bytes.toString('latin1', at, space));
    if (!(lengthBytes > space - at) || at + lengthBytes > bytes.length) break;
    const equals = bytes.indexOf(0x3d, space);
    const end = at + lengthBytes - 1;
    if (equals === -1 || equals >= end) break;
    const key = bytes.toString('latin1', space + 1, equals);
    const value = bytes.subarray(equals + 1, end);
    if (key === 'path') extension = { ...extension, name: value };
    if (key === 'size') {
      const sizeBytes = Number(value.toString('latin1'));
      if (Number.isSafeInteger(sizeBytes) && sizeBytes >= 0) extension = { ...extension, sizeBytes };
    }
    at += lengthBytes;
  }
  return extension;
}

function readHeader(block: Buffer): TarHeader | undefined {
  const sizeBytes = readNumber(block.subarray(124, 136));
  if (sizeBytes === undefined || readNumber(block.subarray(148, 156)) !== checksumOf(block)) return undefined;
  const isPosix = block.toString('latin1', 257, 262) === 'ustar';
  const name = untilZero(block.subarray(0, 100));
  // GNU's own variant has no prefix field: other things lie there.
  const isUstar = isPosix && block[262] === 0;
  const prefix = isUstar ? untilZero(block.subarray(345, 500)) : new Uint8Array(0);
  const slash = prefix.length > 0 ? Buffer.from('/') : new Uint8Array(0);
  const type = String.fromCharCode(block[156] ?? 0);
  return { name: Buffer.concat([prefix, slash, name]), type, sizeBytes, isPosix };
}

/** Octal digits, or GNU's base-256 where the first bit is set. Undefined for anything else. */
function readNumber(field: Buffer): number | undefined {
  if ((field[0] ?? 0) & 0x80) {
    let value = (field[0] ?? 0) & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = /^ *([0-7]+)[ \0]*$/.exec(field.toString('latin1').split('\0', 1)[0] ?? '')?.[1];
  return digits === undefined ? undefined : parseInt(digits, 8);
}

/** The sum of all bytes, the checksum's own field taken for spaces. */
function checksumOf(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let index = 0; index < BLOCK_BYTES; index += 1)
    if (index < 148 || index >= 156) sum += block[index] ?? 0;
  return sum;
}

function untilZero(bytes: Uint8Array): Uint8Array {
  const zero = bytes.indexOf(0);
  return zero === -1 ? bytes : bytes.subarray(0, zero);
}

function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}
