import { bytesInput, type ScanInput } from '../../engine.js';
import type { Decode } from '../codecs/decoded.js';
import { ContainerWalk } from '../container-walk.js';
import { findInInput, inputRange, readRange } from '../input-range.js';
import type { UnpackContext, UnpackOutcome, Unpacker } from '../unpacker.js';
import {
  findDirectory,
  FLAG_ENCRYPTED,
  FLAG_SIZES_FOLLOW,
  LOCAL_HEADER_SIGNATURE,
  readCentralHeader,
  readLocalHeader,
  type CentralHeader,
  type ZipHeader,
} from './zip-directory.js';
import { METHOD_STORED, zipMethod } from './zip-methods.js';

/**
 * zip, and so OOXML, jar, apk. The central directory leads; what its gaps hold, or what it lacks, is found by
 * local headers. Where both headers differ the local one is believed, as by clamscan 1.4.6; of two lengths the
 * larger, since a packed stream knows its own end.
 */
export const zipUnpacker: Unpacker = { format: 'zip', unpack: unpackZip };

const ENCRYPTED = { format: 'Zip', kind: 'archive' } as const;
/** Headers of one archive: more are not looked at, since each costs a search in what was visited. */
const ENTRIES_MAX = 1_000_000;

function unpackZip(input: ScanInput, context: UnpackContext): UnpackOutcome {
  const walk = new ContainerWalk(context);
  const visited: Visited = { input, walk, ranges: [] };
  const directory = findDirectory(input);
  let directoryEnd = directory?.offset ?? input.sizeBytes;
  if (directory === undefined) walk.damaged();
  else directoryEnd = visitDirectory(visited, directory.offset, directory.shiftBytes);
  if (directory !== undefined) visited.ranges.push({ start: directory.offset, end: directoryEnd });
  visitGaps(visited);
  return walk.outcome();
}

/** A part of the archive that an entry took up. */
interface Range {
  readonly start: number;
  readonly end: number;
}

interface Visited {
  readonly input: ScanInput;
  readonly walk: ContainerWalk;
  readonly ranges: Range[];
}

/** @returns where the central directory ends. */
function visitDirectory(visited: Visited, directoryOffset: number, shiftBytes: number): number {
  const { input, walk, ranges } = visited;
  const seen = new Set<number>();
  let offset = directoryOffset;
  while (walk.mayContinue() && ranges.length < ENTRIES_MAX) {
    const central = readCentralHeader(input, offset);
    if (central === undefined) break;
    offset = central.end;
    const localOffset = central.localOffset + shiftBytes;
    if (seen.has(localOffset)) continue;
    seen.add(localOffset);
    const local = readLocalHeader(input, localOffset);
    if (local === undefined) walk.damaged();
    else ranges.push({ start: localOffset, end: visitEntry(visited, local, central) });
  }
  if (ranges.length >= ENTRIES_MAX) tooMany(walk);
  return offset;
}

function tooMany(walk: ContainerWalk): void {
  walk.budget.note('tooManyFiles');
  walk.limited('tooManyFiles');
}

/** Looks for local headers wherever no entry lies: those that the directory does not know. */
function visitGaps({ input, walk, ranges }: Visited): void {
  const covered = ranges.toSorted((one, other) => one.start - other.start);
  const mayContinue = (): boolean => walk.mayContinue();
  let entries = 0;
  let offset = 0;
  for (const next of [...covered, { start: input.sizeBytes, end: input.sizeBytes }]) {
    while (offset < next.start && entries < ENTRIES_MAX && walk.mayContinue()) {
      const range = { start: offset, end: next.start, mayContinue };
      const found = findInInput(input, LOCAL_HEADER_SIGNATURE, range);
      if (found === undefined) break;
      const gap = inputRange(input, 0, next.start);
      const local = readLocalHeader(gap, found);
      entries += 1;
      offset = found + LOCAL_HEADER_SIGNATURE.length;
      if (local !== undefined) offset = visitEntry({ input: gap, walk, ranges }, local, undefined);
    }
    offset = Math.max(offset, next.end);
  }
  if (entries >= ENTRIES_MAX) tooMany(walk);
}

/** @returns where the data of the entry ends. */
function visitEntry({ input, walk }: Visited, local: ZipHeader, central: CentralHeader | undefined): number {
  const name = central?.name ?? local.name;
  const declaredBytes = Math.max(local.compressedSizeBytes, central?.compressedSizeBytes ?? 0);
  const isUnknown = declaredBytes === 0 && (local.flags & FLAG_SIZES_FOLLOW) !== 0;
  const end = Math.min(isUnknown ? input.sizeBytes : local.end + declaredBytes, input.sizeBytes);
  if (local.end + declaredBytes > input.sizeBytes) walk.damaged();
  if (local.flags & FLAG_ENCRYPTED) {
    walk.emitEncrypted({ name, compressedSizeBytes: declaredBytes }, ENCRYPTED);
    return local.end + declaredBytes;
  }
  if (end <= local.end) return local.end;
  if (local.method === METHOD_STORED) return visitStored({ input, walk }, { name, local, end, isUnknown });
  const decode = zipMethod(local.method, local.flags);
  if (decode === undefined) {
    walk.damaged();
    return local.end + declaredBytes;
  }
  const expected = sizesOf(local, central);
  const consumedBytes = visitPacked({ input, walk }, { name, local, end, decode, expected });
  return isUnknown ? local.end + consumedBytes : end;
}

/** The size and the checksum, which a local header may leave to the central one. */
function sizesOf(
  local: ZipHeader,
  central: CentralHeader | undefined,
): Pick<ZipHeader, 'sizeBytes' | 'crc32'> {
  return (local.flags & FLAG_SIZES_FOLLOW) !== 0 && central !== undefined ? central : local;
}

interface EntryData {
  readonly name: Uint8Array;
  readonly local: ZipHeader;
  /** The data ends here, or earlier. */
  readonly end: number;
}

interface PackedData extends EntryData {
  readonly decode: Decode;
  readonly expected: Pick<ZipHeader, 'sizeBytes' | 'crc32'>;
}

function visitStored(
  { input, walk }: Pick<Visited, 'input' | 'walk'>,
  { name, local, end, isUnknown }: EntryData & { readonly isUnknown: boolean },
): number {
  const mayContinue = (): boolean => walk.mayContinue();
  const range = { start: local.end, end, mayContinue };
  const nextHeader = isUnknown ? findInInput(input, DATA_DESCRIPTOR_SIGNATURE, range) : undefined;
  const dataEnd = nextHeader ?? end;
  const content = inputRange(input, local.end, dataEnd - local.end);
  walk.emit({ name, input: content, compressedSizeBytes: content.sizeBytes });
  return dataEnd;
}

const DATA_DESCRIPTOR_SIGNATURE = Buffer.from('PK\u0007\b', 'latin1');

/** @returns how many bytes the packed stream took. */
function visitPacked(
  { input, walk }: Pick<Visited, 'input' | 'walk'>,
  { name, local, end, decode, expected }: PackedData,
): number {
  const { budget } = walk;
  const decoded = decode(readRange(input, local.end, end), {
    limitBytes: budget.unpackLimitBytes,
    mayContinue: () => budget.mayContinue(),
    expected,
  });
  const { bytes, consumedBytes } = decoded;
  if (decoded.ending === 'damaged') walk.damaged();
  if (decoded.ending === 'outOfMemory') walk.outOfMemory();
  // clamscan 1.4.6 scans as much of an entry as MaxFileSize allows, but nothing beyond MaxScanSize.
  const limit = decoded.ending === 'overLimit' ? budget.refuseUnpacked() : undefined;
  if (limit !== undefined) walk.limited(limit);
  if (bytes.length > 0 && limit !== 'scanTooLarge' && walk.mayContinue())
    walk.emit({ name, input: bytesInput(bytes), compressedSizeBytes: consumedBytes });
  return consumedBytes;
}
