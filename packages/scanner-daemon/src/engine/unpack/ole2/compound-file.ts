import type { ScanInput } from '../../engine.js';
import { readStructure } from '../input-range.js';

/** [MS-CFB], 2.2: what a compound file begins with. */
const SIGNATURE = Buffer.from('d0cf11e0a1b11ae1', 'hex');
const HEADER_BYTES = 512;
const HEADER_DIFAT_ENTRIES = 109;
const DIRECTORY_ENTRY_BYTES = 128;
const MINI_SECTOR_BYTES = 64;
const MINI_STREAM_CUTOFF_BYTES = 4096;
/** Larger numbers are no sectors: end of chain, free, FAT (2.1). */
const LAST_SECTOR = 0xfffffffa;
/** Streams and storages of one file. */
const ENTRIES_MAX = 65536;

const TYPE_STORAGE = 1;
const TYPE_STREAM = 2;
const TYPE_ROOT = 5;

/** A stream by the directory. */
export interface CompoundStream {
  /** UTF-16LE, without its final zero. */
  readonly name: Buffer;
  /** Which storage it lies in, by the number of its directory entry; undefined where the tree leaves it out. */
  readonly storage: number | undefined;
  /** As the directory says; its chain of sectors may be shorter. */
  readonly sizeBytes: number;
  /** Its sectors lie in the stream of the root ([MS-CFB], 2.4). */
  readonly isMini: boolean;
  readonly firstSector: number;
}

/** The parts of a compound file that say where all else is. */
export interface CompoundFile {
  readonly input: ScanInput;
  readonly sectorBytes: number;
  readonly fat: readonly Buffer[];
  readonly miniFat: Buffer;
  readonly miniStream: ScanInput;
  readonly streams: readonly CompoundStream[];
  /** Whether the directory has more than {@link ENTRIES_MAX} entries, of which those behind are left out. */
  readonly isCutOff: boolean;
}

/** Reads header, sector tables and directory. Undefined where there is no directory to be found. */
export function openCompoundFile(input: ScanInput, mayContinue: () => boolean): CompoundFile | undefined {
  const header = readStructure(input, 0, HEADER_BYTES);
  if (header === undefined || !header.subarray(0, 8).equals(SIGNATURE)) return undefined;
  const sectorShift = header.readUInt16LE(30);
  if (sectorShift !== 9 && sectorShift !== 12) return undefined;
  const sectorBytes = 1 << sectorShift;
  const tables = { input, sectorBytes, fat: readFat(input, header, sectorBytes, mayContinue) };
  const directory = chainInput(tables, header.readUInt32LE(48), Infinity);
  const entries: Buffer[] = [];
  for (let at = 0; at < directory.sizeBytes && entries.length < ENTRIES_MAX; at += DIRECTORY_ENTRY_BYTES) {
    const entry = readStructure(directory, at, DIRECTORY_ENTRY_BYTES);
    if (entry === undefined) break;
    entries.push(entry);
  }
  const root = entries.find((entry) => entry[66] === TYPE_ROOT);
  if (root === undefined) return undefined;
  const miniFat = chainInput(tables, header.readUInt32LE(60), Infinity);
  return {
    ...tables,
    miniFat: readStructure(miniFat, 0, miniFat.sizeBytes) ?? Buffer.alloc(0),
    miniStream: chainInput(tables, root.readUInt32LE(116), root.readUInt32LE(120)),
    streams: streamsOf(entries),
    isCutOff: entries.length * DIRECTORY_ENTRY_BYTES < directory.sizeBytes && entries.length === ENTRIES_MAX,
  };
}

function streamsOf(entries: readonly Buffer[]): readonly CompoundStream[] {
  const storages = storagesOf(entries);
  const streams: CompoundStream[] = [];
  for (const [index, entry] of entries.entries())
    if (entry[66] === TYPE_STREAM) streams.push(readStream(entry, storages.get(index)));
  return streams;
}

/** The storage of each entry: those of one storage form a tree that hangs on its `Child ID` (2.6.4). */
function storagesOf(entries: readonly Buffer[]): ReadonlyMap<number, number> {
  const storages = new Map<number, number>();
  for (const [storage, entry] of entries.entries()) {
    if (entry[66] !== TYPE_STORAGE && entry[66] !== TYPE_ROOT) continue;
    const pending = [entry.readUInt32LE(76)];
    for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
      const member = entries[index];
      // An entry belongs to one storage: a tree that comes back to it is none.
      if (member === undefined || storages.has(index)) continue;
      storages.set(index, storage);
      pending.push(member.readUInt32LE(68), member.readUInt32LE(72));
    }
  }
  return storages;
}

function readStream(entry: Buffer, storage: number | undefined): CompoundStream {
  const nameBytes = Math.min(entry.readUInt16LE(64), 64);
  const sizeBytes = entry.readUInt32LE(120);
  return {
    name: entry.subarray(0, Math.max(nameBytes - 2, 0)),
    storage,
    sizeBytes,
    isMini: sizeBytes < MINI_STREAM_CUTOFF_BYTES,
    firstSector: entry.readUInt32LE(116),
  };
}

/** The content of a stream; shorter than the directory says where its chain ends early. */
export function streamInput(file: CompoundFile, stream: CompoundStream): ScanInput {
  if (!stream.isMini) return chainInput(file, stream.firstSector, stream.sizeBytes);
  const sectors: number[] = [];
  const count = Math.ceil(stream.sizeBytes / MINI_SECTOR_BYTES);
  let sector = stream.firstSector;
  while (sectors.length < count && 4 * sector + 4 <= file.miniFat.length) {
    sectors.push(sector * MINI_SECTOR_BYTES);
    sector = file.miniFat.readUInt32LE(4 * sector);
  }
  return piecesInput({
    source: file.miniStream,
    offsets: sectors,
    pieceBytes: MINI_SECTOR_BYTES,
    sizeBytes: stream.sizeBytes,
  });
}

type SectorTables = Pick<CompoundFile, 'input' | 'sectorBytes' | 'fat'>;

/** The sectors of the FAT: 109 of them are in the header, the others in a chain of sectors of their own (2.5). */
function readFat(
  input: ScanInput,
  header: Buffer,
  sectorBytes: number,
  mayContinue: () => boolean,
): readonly Buffer[] {
  const sectorsMax = Math.ceil(input.sizeBytes / sectorBytes);
  const fat: Buffer[] = [];
  const seen = new Set<number>();
  const addFrom = (table: Buffer, at: number, count: number): void => {
    for (let index = 0; index < count && fat.length < sectorsMax; index += 1) {
      const sector = table.readUInt32LE(at + 4 * index);
      // Each sector of the FAT is there once: a file that repeats them is after our memory and our time.
      if (sector > LAST_SECTOR || seen.has(sector)) continue;
      seen.add(sector);
      const bytes = readSector(input, sector, sectorBytes);
      if (bytes !== undefined) fat.push(bytes);
    }
  };
  addFrom(header, 76, HEADER_DIFAT_ENTRIES);
  const perSector = sectorBytes / 4 - 1;
  let next = header.readUInt32LE(68);
  for (let count = 0; next <= LAST_SECTOR && count < sectorsMax && !seen.has(next); count += 1) {
    if (!mayContinue()) break;
    const difat = readSector(input, next, sectorBytes);
    if (difat === undefined) break;
    seen.add(next);
    addFrom(difat, 0, perSector);
    next = difat.readUInt32LE(4 * perSector);
  }
  return fat;
}

function readSector(input: ScanInput, sector: number, sectorBytes: number): Buffer | undefined {
  const offset = (sector + 1) * sectorBytes;
  const lengthBytes = Math.min(sectorBytes, input.sizeBytes - offset);
  if (lengthBytes <= 0) return undefined;
  const bytes = readStructure(input, offset, lengthBytes);
  if (bytes === undefined || lengthBytes === sectorBytes) return bytes;
  // The last sector of a truncated file; 0xff is what a free entry of a table is made of.
  return Buffer.concat([bytes, Buffer.alloc(sectorBytes - lengthBytes, 0xff)]);
}

/** What a chain of sectors makes up: at most `sizeBytes`, and no more sectors than the file has. */
function chainInput({ input, sectorBytes, fat }: SectorTables, first: number, sizeBytes: number): ScanInput {
  const perSector = sectorBytes / 4;
  const count = Math.ceil(Math.min(sizeBytes, input.sizeBytes) / sectorBytes);
  const offsets: number[] = [];
  const seen = new Set<number>();
  let sector = first;
  while (offsets.length < count && sector <= LAST_SECTOR && !seen.has(sector)) {
    const offset = (sector + 1) * sectorBytes;
    if (offset >= input.sizeBytes) break;
    seen.add(sector);
    offsets.push(offset);
    const table = fat[Math.floor(sector / perSector)];
    if (table === undefined) break;
    sector = table.readUInt32LE(4 * (sector % perSector));
  }
  return piecesInput({ source: input, offsets, pieceBytes: sectorBytes, sizeBytes });
}

interface PieceList {
  readonly source: ScanInput;
  readonly offsets: readonly number[];
  readonly pieceBytes: number;
  readonly sizeBytes: number;
}

/** Pieces of an input one after the other, as an input. */
function piecesInput({ source, offsets, pieceBytes, sizeBytes }: PieceList): ScanInput {
  const last = offsets.at(-1);
  const lastBytes = last === undefined ? 0 : Math.min(pieceBytes, Math.max(source.sizeBytes - last, 0));
  const availableBytes = last === undefined ? 0 : (offsets.length - 1) * pieceBytes + lastBytes;
  const read = (inputOffset: number, lengthBytes: number): Uint8Array => {
    const result = Buffer.alloc(lengthBytes);
    let filled = 0;
    while (filled < lengthBytes) {
      const at = inputOffset + filled;
      const within = at % pieceBytes;
      const offset = offsets[Math.floor(at / pieceBytes)];
      if (offset === undefined) break;
      const wantedBytes = Math.min(pieceBytes - within, lengthBytes - filled);
      const start = offset + within;
      const piece = source.read(start, Math.max(Math.min(wantedBytes, source.sizeBytes - start), 0));
      result.set(piece, filled);
      // What a sector lacks at the end of the file is zeros: the rest of the chain may be there all the same.
      filled += wantedBytes;
    }
    return result.subarray(0, filled);
  };
  return { sizeBytes: Math.min(sizeBytes, availableBytes), read };
}
