import {
  NO_MASKS,
  type AlternativeTable,
  type BoundaryTable,
  type PartTable,
} from '../../../database/compiled-signatures.js';
import { BOUNDARIES } from '../../../database/compile/boundaries.js';
import { boundaryHolds, type BoundaryWindow } from '../../../database/readers/boundary-rules.js';
import type { InputWindow } from './input-window.js';

/** What parts are made of. */
export interface PartTables {
  readonly parts: PartTable;
  readonly alternatives: AlternativeTable;
  readonly boundaries: BoundaryTable;
}

/** A stretch of the input that parts are looked for in. */
export type PartSpace = BoundaryWindow;

/** A window as the space for parts, of an input of `sizeBytes`. */
export function partSpace({ bytes, inputOffset }: InputWindow, sizeBytes: number): PartSpace {
  return {
    bytes,
    startsFile: inputOffset === 0,
    lengthBytes: bytes.length,
    endsFile: inputOffset + bytes.length >= sizeBytes,
  };
}

/** The length of a part in bytes. */
export function partLength(parts: PartTable, part: number): number {
  return (parts.starts[part + 1] ?? 0) - (parts.starts[part] ?? 0);
}

/** Whether part number `part` stands at `bytes[at..]`, whole. */
export function partFits(tables: PartTables, part: number, space: PartSpace, at: number): boolean {
  const { parts } = tables;
  const { bytes } = space;
  const { values, masks } = parts;
  const start = parts.starts[part] ?? 0;
  const lengthBytes = (parts.starts[part + 1] ?? 0) - start;
  if (at < 0 || at + lengthBytes > bytes.length) return false;
  const maskStart = parts.maskStarts[part] ?? NO_MASKS;
  if (maskStart === NO_MASKS) {
    for (let index = 0; index < lengthBytes; index++)
      if (bytes[at + index] !== values[start + index]) return false;
  } else {
    for (let index = 0; index < lengthBytes; index++)
      if (((bytes[at + index] ?? 0) & (masks[maskStart + index] ?? 0)) !== values[start + index])
        return false;
  }
  const endAlternative = parts.firstAlternatives[part + 1] ?? 0;
  for (let alternative = parts.firstAlternatives[part] ?? 0; alternative < endAlternative; alternative++)
    if (!alternativeFits(tables.alternatives, alternative, bytes, at)) return false;
  const endBoundary = parts.firstBoundaries[part + 1] ?? 0;
  for (let boundary = parts.firstBoundaries[part] ?? 0; boundary < endBoundary; boundary++)
    if (!boundaryFits(tables.boundaries, boundary, space, at)) return false;
  return true;
}

function alternativeFits(
  table: AlternativeTable,
  alternative: number,
  bytes: Uint8Array,
  partStart: number,
): boolean {
  const lengthBytes = table.lengths[alternative] ?? 0;
  const at = partStart + (table.partOffsets[alternative] ?? 0);
  const isNegated = table.negated[alternative] === 1;
  const end = table.optionStarts[alternative + 1] ?? 0;
  for (let option = table.optionStarts[alternative] ?? 0; option < end; option += lengthBytes) {
    let index = 0;
    while (
      index < lengthBytes &&
      ((bytes[at + index] ?? 0) & (table.masks[option + index] ?? 0)) === table.values[option + index]
    )
      index++;
    if (index === lengthBytes) return !isNegated;
  }
  return isNegated;
}

function boundaryFits(table: BoundaryTable, boundary: number, space: PartSpace, partStart: number): boolean {
  const rule = BOUNDARIES[table.rules[boundary] ?? 0];
  if (rule === undefined) return true;
  return boundaryHolds(rule.kind, rule.negated, space, partStart + (table.partOffsets[boundary] ?? 0));
}
