import { OFFSET_KINDS } from '../../../database/compiled-database.js';
import type { BodyTable } from '../../../database/compiled-database.js';

/** Whether part number `part` stands at `bytes[at..]`, whole. */
export function partFits(bodies: BodyTable, part: number, bytes: Uint8Array, at: number): boolean {
  const { values, masks } = bodies;
  const start = bodies.partStarts[part] ?? 0;
  const lengthBytes = partLength(bodies, part);
  if (at < 0 || at + lengthBytes > bytes.length) return false;
  for (let index = 0; index < lengthBytes; index++) {
    if (((bytes[at + index] ?? 0) & (masks[start + index] ?? 0)) !== values[start + index]) return false;
  }
  const end = bodies.firstAlternatives[part + 1] ?? 0;
  for (let alternative = bodies.firstAlternatives[part] ?? 0; alternative < end; alternative++) {
    if (!alternativeFits(bodies, alternative, bytes, at)) return false;
  }
  return true;
}

/** The length of a part in bytes. */
export function partLength(bodies: BodyTable, part: number): number {
  return (bodies.partStarts[part + 1] ?? 0) - (bodies.partStarts[part] ?? 0);
}

function alternativeFits(
  bodies: BodyTable,
  alternative: number,
  bytes: Uint8Array,
  partStart: number,
): boolean {
  const lengthBytes = bodies.alternativeLengths[alternative] ?? 0;
  const at = partStart + (bodies.alternativeOffsets[alternative] ?? 0);
  const isNegated = bodies.alternativeNegated[alternative] === 1;
  const end = bodies.optionStarts[alternative + 1] ?? 0;
  for (let option = bodies.optionStarts[alternative] ?? 0; option < end; option += lengthBytes) {
    let index = 0;
    while (index < lengthBytes && bytes[at + index] === bodies.options[option + index]) index++;
    if (index === lengthBytes) return !isNegated;
  }
  return isNegated;
}

/** The input offsets, both included, at which a signature may begin. Empty when `first > last`. */
export interface StartRange {
  readonly first: number;
  readonly last: number;
}

/** Where a signature may begin in an input of `sizeBytes`. */
export function startRange(bodies: BodyTable, signature: number, sizeBytes: number): StartRange {
  const kind = OFFSET_KINDS[bodies.offsetKinds[signature] ?? 0] ?? 'any';
  const offset = bodies.offsets[signature] ?? 0;
  const maxShift = bodies.maxShifts[signature] ?? 0;
  switch (kind) {
    case 'any':
      return { first: 0, last: sizeBytes };
    case 'absolute':
      return { first: offset, last: offset + maxShift };
    case 'fromEnd':
      // Further back than the file is long: no match at all, whatever the shift (clamd 1.4.6, observed).
      if (offset > sizeBytes) return { first: 0, last: -1 };
      return { first: sizeBytes - offset, last: sizeBytes - offset + maxShift };
  }
}
