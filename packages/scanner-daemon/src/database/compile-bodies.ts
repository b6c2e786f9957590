import type { FileType } from '../engine/file-type.js';
import { chooseAnchor, longestRun } from './choose-anchor.js';
import { compileFilter } from './compile-anchors.js';
import type { AnchoredSignature } from './compile-anchors.js';
import { OFFSET_KINDS } from './compiled-database.js';
import type { BodyFilter, BodyTable } from './compiled-database.js';
import type { BodyPart, BodySignature } from './readers/body-signature.js';
import { ByteList, sharedFloat64, sharedUint32, sharedUint8 } from './shared-arrays.js';

/** ClamAV's target type of each file type. `other` is looked at with the signatures for any target only. */
const TARGET_OF: Readonly<Record<FileType, number>> = {
  other: 0,
  pe: 1,
  ole2: 2,
  graphics: 5,
  elf: 6,
  machO: 9,
  pdf: 10,
  flash: 11,
  java: 12,
};

/** Builds the table of body signatures. Name ids stand beside the signatures, in the same order. */
export function compileBodyTable(
  signatures: readonly BodySignature[],
  nameIds: readonly number[],
): BodyTable {
  const parts = signatures.flatMap((signature) => signature.parts);
  const alternatives = parts.flatMap((part) => part.alternatives);
  const runs = parts.map(longestRun);
  return {
    nameIds: sharedUint32(nameIds),
    isForTarget: sharedUint8(signatures.map((signature) => (signature.target === 0 ? 0 : 1))),
    ...compileOffsets(signatures),
    firstParts: sharedUint32(startsOf(signatures.map((signature) => signature.parts.length))),
    partSignatures: sharedUint32(signatures.flatMap((signature, index) => signature.parts.map(() => index))),
    gapMins: sharedFloat64(parts.map((part) => part.gapMinBytes)),
    gapMaxes: sharedFloat64(parts.map((part) => part.gapMaxBytes)),
    partStarts: sharedUint32(startsOf(parts.map((part) => part.values.length))),
    values: joinShared(parts.map((part) => part.values)),
    masks: joinShared(parts.map((part) => part.masks)),
    runOffsets: sharedUint32(runs.map((run) => run.partOffset)),
    runLengths: sharedUint32(runs.map((run) => run.lengthBytes)),
    firstAlternatives: sharedUint32(startsOf(parts.map((part) => part.alternatives.length))),
    alternativeOffsets: sharedUint32(alternatives.map((alternative) => alternative.partOffset)),
    alternativeLengths: sharedUint32(alternatives.map((alternative) => alternative.lengthBytes)),
    alternativeNegated: sharedUint8(alternatives.map((alternative) => (alternative.negated ? 1 : 0))),
    optionStarts: sharedUint32(
      startsOf(alternatives.map(({ options, lengthBytes }) => options.length * lengthBytes)),
    ),
    options: joinShared(alternatives.flatMap((alternative) => alternative.options)),
  };
}

/** Builds one filter a file type: a file is passed over once, with its own and the general signatures together. */
export function compileFilters(signatures: readonly BodySignature[]): Record<FileType, BodyFilter> {
  let firstPart = 0;
  const anchored: AnchoredSignature[] = signatures.map((signature, index) => {
    const entry = { signature, index, firstPart, anchor: chooseAnchor(signature.parts) };
    firstPart += signature.parts.length;
    return entry;
  });
  const general = compileFilter(anchored.filter(({ signature }) => signature.target === 0));
  const filterFor = (type: FileType): BodyFilter => {
    const target = TARGET_OF[type];
    if (!anchored.some(({ signature }) => signature.target === target && target !== 0)) return general;
    return compileFilter(
      anchored.filter(({ signature }) => signature.target === 0 || signature.target === target),
    );
  };
  return {
    other: general,
    pe: filterFor('pe'),
    ole2: filterFor('ole2'),
    graphics: filterFor('graphics'),
    elf: filterFor('elf'),
    machO: filterFor('machO'),
    pdf: filterFor('pdf'),
    flash: filterFor('flash'),
    java: filterFor('java'),
  };
}

function compileOffsets(
  signatures: readonly BodySignature[],
): Pick<BodyTable, 'offsetKinds' | 'offsets' | 'maxShifts'> {
  const offsets = signatures.map(({ offset }) => {
    if (offset.kind === 'any') return { distance: 0, maxShift: 0 };
    return {
      distance: offset.kind === 'absolute' ? offset.fileOffset : offset.fromEnd,
      maxShift: offset.maxShift,
    };
  });
  return {
    offsetKinds: sharedUint8(signatures.map(({ offset }) => OFFSET_KINDS.indexOf(offset.kind))),
    offsets: sharedFloat64(offsets.map(({ distance }) => distance)),
    maxShifts: sharedFloat64(offsets.map(({ maxShift }) => maxShift)),
  };
}

function startsOf(lengths: readonly number[]): number[] {
  const starts = [0];
  for (const length of lengths) starts.push((starts.at(-1) ?? 0) + length);
  return starts;
}

function joinShared(pieces: readonly BodyPart['values'][]): Uint8Array {
  const bytes = new ByteList();
  for (const piece of pieces) bytes.append(piece);
  return sharedUint8(bytes.view);
}
