/** A stream, or a storage of streams, of {@link compoundDocument}. */
export interface CompoundMember {
  readonly name: string;
  readonly content: Uint8Array | readonly CompoundMember[];
}

interface DirectoryRow {
  readonly name: string;
  readonly type: number;
  readonly bytes: Uint8Array;
  child: number;
  right: number;
}

const FREE_SECTOR = 0xffffffff;
const END_OF_CHAIN = 0xfffffffe;
const FAT_SECTOR = 0xfffffffd;
const SECTOR_BYTES = 512;
const ENTRIES_PER_FAT_SECTOR = SECTOR_BYTES / 4;
const ENTRY_BYTES = 128;
const HEADER_FAT_SECTORS = 109;
/** Shorter streams lie in a stream of their own, which this does not write. */
const STREAM_MIN_BYTES = 4096;
const STORAGE = 1;
const STREAM = 2;
const ROOT = 5;

/**
 * An OLE2 compound file ([MS-CFB], version 3) of streams of at least 4096 bytes. The members of a storage hang one on the
 * other, which is a tree that every reader walks.
 *
 * @throws RangeError for shorter streams, or more than fits 109 sectors of the FAT (some 7 MB).
 */
export function compoundDocument(members: readonly CompoundMember[]): Uint8Array {
  const rows = directoryRows(members);
  const directorySectors = sectorsOf(rows.length * ENTRY_BYTES);
  const contentSectors = rows.reduce((sum, { bytes }) => sum + sectorsOf(bytes.length), 0);
  const fatSectors = fatSectorsFor(directorySectors + contentSectors);
  if (fatSectors > HEADER_FAT_SECTORS) throw new RangeError('a compound file of more than 7 MB');
  const fat = Buffer.alloc(fatSectors * SECTOR_BYTES, 0xff);
  for (let index = 0; index < fatSectors; index += 1) fat.writeUInt32LE(FAT_SECTOR, 4 * index);
  let nextSector = fatSectors;
  const chain = (count: number): number => {
    const first = nextSector;
    for (let index = 1; index <= count; index += 1, nextSector += 1)
      fat.writeUInt32LE(index === count ? END_OF_CHAIN : nextSector + 1, 4 * nextSector);
    return count === 0 ? END_OF_CHAIN : first;
  };
  const directorySector = chain(directorySectors);
  const entries = rows.map((row) => directoryEntry(row, chain(sectorsOf(row.bytes.length))));
  return Buffer.concat([
    compoundHeader(fatSectors, directorySector),
    fat,
    padded(Buffer.concat(entries)),
    ...rows.map(({ bytes }) => padded(bytes)),
  ]);
}

function directoryRows(members: readonly CompoundMember[]): readonly DirectoryRow[] {
  const empty = new Uint8Array();
  const rows: DirectoryRow[] = [
    { name: 'Root Entry', type: ROOT, bytes: empty, child: FREE_SECTOR, right: FREE_SECTOR },
  ];
  const fill = (storage: number, content: readonly CompoundMember[]): void => {
    let previous: DirectoryRow | undefined;
    for (const member of content) {
      const isStream = member.content instanceof Uint8Array;
      const bytes = member.content instanceof Uint8Array ? member.content : empty;
      if (isStream && bytes.length < STREAM_MIN_BYTES) throw new RangeError(`${member.name} is too short`);
      const row = { name: member.name, type: isStream ? STREAM : STORAGE, bytes, child: FREE_SECTOR };
      const index = rows.push({ ...row, right: FREE_SECTOR }) - 1;
      const parent = rows[storage];
      if (previous !== undefined) previous.right = index;
      else if (parent !== undefined) parent.child = index;
      previous = rows[index];
      if (!(member.content instanceof Uint8Array)) fill(index, member.content);
    }
  };
  fill(0, members);
  return rows;
}

function sectorsOf(lengthBytes: number): number {
  return Math.ceil(lengthBytes / SECTOR_BYTES);
}

/** The FAT has an entry for each of its own sectors, too. */
function fatSectorsFor(otherSectors: number): number {
  return Math.ceil(otherSectors / (ENTRIES_PER_FAT_SECTOR - 1));
}

function padded(bytes: Uint8Array): Uint8Array {
  const sectors = Buffer.alloc(sectorsOf(bytes.length) * SECTOR_BYTES);
  sectors.set(bytes);
  return sectors;
}

function compoundHeader(fatSectors: number, directorySector: number): Uint8Array {
  const header = Buffer.alloc(SECTOR_BYTES, 0xff);
  header.fill(0, 8, 76);
  header.write('d0cf11e0a1b11ae1', 'hex');
  header.writeUInt16LE(0x3e, 24);
  header.writeUInt16LE(3, 26);
  header.writeUInt16LE(0xfffe, 28);
  header.writeUInt16LE(9, 30);
  header.writeUInt16LE(6, 32);
  header.writeUInt32LE(fatSectors, 44);
  header.writeUInt32LE(directorySector, 48);
  header.writeUInt32LE(STREAM_MIN_BYTES, 56);
  header.writeUInt32LE(END_OF_CHAIN, 60);
  header.writeUInt32LE(END_OF_CHAIN, 68);
  for (let index = 0; index < fatSectors; index += 1) header.writeUInt32LE(index, 76 + 4 * index);
  return header;
}

function directoryEntry({ name, type, bytes, child, right }: DirectoryRow, sector: number): Uint8Array {
  const spelled = Buffer.from(`${name}\0`, 'utf16le');
  const entry = Buffer.alloc(ENTRY_BYTES);
  spelled.copy(entry);
  entry.writeUInt16LE(spelled.length, 64);
  entry.writeUInt8(type, 66);
  entry.writeUInt8(1, 67);
  entry.writeUInt32LE(FREE_SECTOR, 68);
  entry.writeUInt32LE(right, 72);
  entry.writeUInt32LE(child, 76);
  entry.writeUInt32LE(type === STORAGE ? 0 : sector, 116);
  entry.writeUInt32LE(bytes.length, 120);
  return entry;
}
