import { bytesInput, type ScanInput } from '../engine.js';
import { ContainerWalk } from './container-walk.js';
import { readRange } from './input-range.js';
import { ArchiveReader, type ArchiveEntry } from './libarchive/archive-reader.js';
import type { UnpackContext, UnpackOutcome, Unpacker } from './unpacker.js';

const ENCRYPTED = { format: '7Zip', kind: 'archive' } as const;
const SIGNATURE = Buffer.from('7z\xbc\xaf\x27\x1c', 'latin1');
const DISCARD_BYTES = 1024 * 1024;

/** 7z by libarchive, which is fed nothing that does not begin as one. */
export const sevenZipUnpacker: Unpacker = { format: '7z', unpack: unpackSevenZip };

function unpackSevenZip(input: ScanInput, context: UnpackContext): UnpackOutcome {
  const walk = new ContainerWalk(context);
  const bytes = readRange(input, 0, input.sizeBytes);
  if (!SIGNATURE.equals(bytes.subarray(0, SIGNATURE.length))) return { kind: 'damaged' };
  const reader = ArchiveReader.open([bytes]);
  if (reader === 'damaged') return { kind: 'damaged' };
  if (reader === 'outOfMemory') {
    walk.outOfMemory();
    return walk.outcome();
  }
  try {
    visitEntries(reader, walk);
  } finally {
    reader.close();
  }
  return walk.outcome();
}

function visitEntries(reader: ArchiveReader, walk: ContainerWalk): void {
  while (walk.mayContinue()) {
    const entry = reader.nextEntry();
    if (entry === 'end' || entry === 'damaged' || entry === 'outOfMemory') {
      if (entry === 'outOfMemory') walk.outOfMemory();
      else if (entry === 'damaged' && reader.isEncrypted)
        walk.emitEncrypted({ name: new Uint8Array(0), compressedSizeBytes: 0 }, ENCRYPTED);
      else if (entry === 'damaged') walk.damaged();
      return;
    }
    if (!entry.isFile) continue;
    if (entry.isEncrypted) {
      walk.emitEncrypted({ name: entry.name, compressedSizeBytes: 0 }, ENCRYPTED);
      continue;
    }
    if (!visitFile(reader, walk, entry)) return;
  }
}

/** @returns false where nothing behind this entry can be read any more. */
function visitFile(reader: ArchiveReader, walk: ContainerWalk, entry: ArchiveEntry): boolean {
  const { budget } = walk;
  const mayContinue = (): boolean => walk.mayContinue();
  const { bytes, ending } = reader.read({ limitBytes: budget.unpackLimitBytes, mayContinue }, 'inPieces');
  if (ending === 'damaged') walk.damaged();
  if (ending === 'outOfMemory') walk.outOfMemory();
  const limit = ending === 'overLimit' ? budget.refuseUnpacked() : undefined;
  if (limit !== undefined) walk.limited(limit);
  if (bytes.length > 0 && limit === undefined && walk.mayContinue())
    walk.emit({ name: entry.name, input: bytesInput(bytes), compressedSizeBytes: 0 });
  if (limit !== 'fileTooLarge') return true;
  // In a solid archive the next entry comes after all of this one: decoded here, where the clock is asked.
  for (;;) {
    const rest = reader.read({ limitBytes: DISCARD_BYTES, mayContinue }, 'inPieces');
    if (rest.ending !== 'overLimit') return rest.ending !== 'stopped';
  }
}
