import type { ScanInput } from '../engine.js';
import type { ExecutableLayout, ExecutableSection } from './executable-layout.js';
import { fieldsAt } from './input-fields.js';

const MAGIC_32 = 0xfeedface;
const MAGIC_64 = 0xfeedfacf;
const LOAD_COMMAND_BYTES = 8;
/** More of them make a file broken to clamscan (observed: 1024 are read, 1025 are not; 255 and 256 sections). */
const LOAD_COMMANDS_MAX = 1024;
const SECTIONS_OF_SEGMENT_MAX = 255;
const ALIGNMENT_EXPONENT_MAX = 31;
const SEGMENT_32 = 0x1;
const SEGMENT_64 = 0x19;
const THREAD = 0x4;
const UNIX_THREAD = 0x5;

interface Shape {
  readonly segmentCommand: number;
  readonly headerBytes: number;
  /** The segment command and one section row, with what is read of them. */
  readonly segmentBytes: number;
  readonly sectionCountAt: number;
  readonly sectionBytes: number;
  readonly sectionFieldsAt: number;
  readonly is64Bit: boolean;
}

const SHAPE_32: Shape = {
  segmentCommand: SEGMENT_32,
  headerBytes: 28,
  segmentBytes: 56,
  sectionCountAt: 48,
  sectionBytes: 68,
  sectionFieldsAt: 32,
  is64Bit: false,
};

const SHAPE_64: Shape = {
  segmentCommand: SEGMENT_64,
  headerBytes: 32,
  segmentBytes: 72,
  sectionCountAt: 64,
  sectionBytes: 80,
  sectionFieldsAt: 32,
  is64Bit: true,
};

/**
 * How long the thread commands of some processors are to clamscan, whatever they say of their length, and whether it
 * takes the entry point from them. All others it skips (observed: the entry point of x86, x86-64 and ARM is 0).
 */
const THREAD_STATES: Readonly<
  Record<number, { readonly commandBytes: number; readonly entryPointBytes: 0 | 4 | 8 }>
> = {
  7: { commandBytes: 80, entryPointBytes: 0 },
  18: { commandBytes: 176, entryPointBytes: 4 },
  0x1000012: { commandBytes: 328, entryPointBytes: 8 },
};
const THREAD_ENTRY_POINT_AT = 16;

interface MachOSection extends ExecutableSection {
  readonly virtualAddress: number;
  readonly virtualSizeBytes: number;
}

interface Reading {
  readonly input: ScanInput;
  readonly shape: Shape;
  readonly littleEndian: boolean;
  readonly processor: number;
  readonly sections: MachOSection[];
  entryPointAddress: number;
}

/**
 * Reads a Mach-O file of 32 or 64 bits in either byte order; undefined where clamscan would not take its headers.
 * So it is for fat binaries too: clamscan has no layout of those, and scans each part as a file of its own (observed).
 */
export function readMachO(input: ScanInput): ExecutableLayout | undefined {
  const fields = fieldsAt(input, 0, SHAPE_32.headerBytes);
  if (fields === undefined) return undefined;
  const littleEndian = fields.getUint32(0, true) === MAGIC_32 || fields.getUint32(0, true) === MAGIC_64;
  const magic = fields.getUint32(0, littleEndian);
  if (magic !== MAGIC_32 && magic !== MAGIC_64) return undefined;
  const shape = magic === MAGIC_64 ? SHAPE_64 : SHAPE_32;
  const commandCount = fields.getUint32(16, littleEndian);
  if (commandCount === 0 || commandCount > LOAD_COMMANDS_MAX) return undefined;
  const processor = fields.getUint32(4, littleEndian);
  const reading: Reading = { input, shape, littleEndian, processor, sections: [], entryPointAddress: 0 };
  let commandOffset = shape.headerBytes;
  for (let index = 0; index < commandCount; index += 1) {
    const commandBytes = readCommand(reading, commandOffset);
    if (commandBytes === undefined) return undefined;
    commandOffset += commandBytes;
  }
  const entryPointOffset = entryPointOffsetOf(reading);
  if (entryPointOffset === undefined) return undefined;
  return { entryPointOffset, sections: reading.sections, versionInfoOffsets: [], peHeaders: undefined };
}

/** Reads one load command; returns how far the next one is, or undefined where the file is broken. */
function readCommand(reading: Reading, commandOffset: number): number | undefined {
  const { input, littleEndian, shape, processor } = reading;
  const fields = fieldsAt(input, commandOffset, LOAD_COMMAND_BYTES);
  if (fields === undefined) return undefined;
  const command = fields.getUint32(0, littleEndian);
  const declaredBytes = Math.max(LOAD_COMMAND_BYTES, fields.getUint32(4, littleEndian));
  if (command === shape.segmentCommand) return readSegment(reading, commandOffset);
  const threadState = THREAD_STATES[processor];
  if ((command === THREAD || command === UNIX_THREAD) && threadState !== undefined) {
    return readThread(reading, commandOffset, threadState);
  }
  return declaredBytes;
}

/** Reads the section rows of a segment. What the command says of its length does not count (observed). */
function readSegment(reading: Reading, commandOffset: number): number | undefined {
  const { input, shape, littleEndian } = reading;
  const fields = fieldsAt(input, commandOffset, shape.segmentBytes);
  const sectionCount = fields?.getUint32(shape.sectionCountAt, littleEndian);
  if (sectionCount === undefined || sectionCount > SECTIONS_OF_SEGMENT_MAX) return undefined;
  const rowsBytes = sectionCount * shape.sectionBytes;
  const rows = fieldsAt(input, commandOffset + shape.segmentBytes, rowsBytes);
  if (rows === undefined) return undefined;
  for (let row = 0; row < rowsBytes; row += shape.sectionBytes) {
    const section = readSectionRow(rows, row + shape.sectionFieldsAt, reading);
    if (section === undefined) return undefined;
    reading.sections.push(section);
  }
  return shape.segmentBytes + rowsBytes;
}

function readSectionRow(
  rows: DataView,
  at: number,
  { shape, littleEndian }: Reading,
): MachOSection | undefined {
  const wordBytes = shape.is64Bit ? 8 : 4;
  const word = (index: number): bigint =>
    shape.is64Bit
      ? rows.getBigUint64(at + 8 * index, littleEndian)
      : BigInt(rows.getUint32(at + 4 * index, littleEndian));
  const size = word(1);
  const alignmentExponent = rows.getUint32(at + 2 * wordBytes + 4, littleEndian);
  if (alignmentExponent > ALIGNMENT_EXPONENT_MAX) return undefined;
  const alignment = 2n ** BigInt(alignmentExponent);
  const roundedSize = ((size + alignment - 1n) / alignment) * alignment;
  if (roundedSize >= 2n ** 32n) return undefined;
  return {
    // Only 32 bits are looked at (observed).
    virtualAddress: Number(BigInt.asUintN(32, word(0))),
    virtualSizeBytes: Number(size),
    fileOffset: rows.getUint32(at + 2 * wordBytes, littleEndian),
    sizeBytes: Number(roundedSize),
  };
}

function readThread(
  reading: Reading,
  commandOffset: number,
  state: { readonly commandBytes: number; readonly entryPointBytes: 0 | 4 | 8 },
): number | undefined {
  const { input, littleEndian } = reading;
  const fields = fieldsAt(input, commandOffset, state.commandBytes);
  if (fields === undefined) return undefined;
  const lowWordAt = state.entryPointBytes === 8 && !littleEndian ? 4 : 0;
  if (state.entryPointBytes !== 0) {
    reading.entryPointAddress = fields.getUint32(THREAD_ENTRY_POINT_AT + lowWordAt, littleEndian);
  }
  return state.commandBytes;
}

function entryPointOffsetOf({ entryPointAddress, sections }: Reading): number | undefined {
  if (entryPointAddress === 0) return 0;
  const section = sections.find(
    ({ virtualAddress, virtualSizeBytes }) =>
      virtualAddress <= entryPointAddress && entryPointAddress - virtualAddress < virtualSizeBytes,
  );
  if (section === undefined) return undefined;
  return section.fileOffset + entryPointAddress - section.virtualAddress;
}
