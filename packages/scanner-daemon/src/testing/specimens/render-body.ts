import type { BodyPart, BodyParts } from '../../database/model/body-pattern.js';
import { boundaryHolds } from '../../database/readers/boundary-rules.js';
import { BlockWriter, fillingByte } from './block.js';
import type { Block, Filling } from './block.js';

/** A gap that asks for more is not built. */
const GAP_MAX_BYTES = 1 << 20;
const EDGES: readonly (readonly number[])[] = [
  [],
  [0x20],
  [0x0a],
  [0x2e],
  [0x3d],
  [0x61],
  [0xc1],
  [0x20, 0],
  [0x2e, 0],
  [0x61, 0],
  [0x20, 0x20],
  [0x61, 0x61],
  [0x0d, 0x0a],
];
/** What may lie outside the edge that is chosen: the boundary must hold whichever it is. */
const OUTSIDE: readonly (readonly number[])[] = [
  [0x61, 0],
  [0x20, 0x20],
  [0x61, 0x61],
  [0, 0],
  [0x0d, 0x0a],
];

/**
 * Bytes that a sequence of parts matches: gaps at their minimum, the first of each alternatives, surroundings that
 * the boundaries hold in.
 *
 * @returns undefined where there are none, or none that are short enough
 */
export function renderBody(parts: BodyParts, filling: Filling): Block | undefined {
  const rendered = parts.map((part) => renderPart(part, filling));
  const lead = edge(rendered[0], 'before');
  if (lead === undefined) return undefined;
  const block = new BlockWriter().append(lead, true);
  for (const [index, piece] of rendered.entries()) {
    const part = parts[index];
    if (piece === undefined || part === undefined) return undefined;
    if (index > 0) {
      const gap = gapBetween(rendered[index - 1], piece, filling);
      if (gap === undefined) return undefined;
      gap.appendTo(block);
    }
    block.appendMasked(piece.values, piece.masks);
  }
  const tail = edge(rendered.at(-1), 'after');
  return tail === undefined ? undefined : block.append(tail, true).finish(lead.length);
}

interface RenderedPart {
  readonly part: BodyPart;
  readonly values: Uint8Array;
  readonly masks: Uint8Array;
}

function renderPart(part: BodyPart, filling: Filling): RenderedPart | undefined {
  const values = part.values.slice();
  const masks = part.masks.slice();
  for (let index = 0; index < values.length; index++) values[index] = fillMasked(part, index, filling);
  for (const alternative of part.alternatives) {
    const { partOffset, lengthBytes, options } = alternative;
    const bytes = alternative.negated
      ? noneOf(options, lengthBytes, filling)
      : options[0] && options[0].values.map((_, at) => fillMasked(options[0], at, filling));
    if (bytes === undefined) return undefined;
    values.set(bytes, partOffset);
    masks.fill(0xff, partOffset, partOffset + lengthBytes);
  }
  return { part, values, masks };
}

function fillMasked(
  masked: { readonly values: Uint8Array; readonly masks: Uint8Array } | undefined,
  index: number,
  filling: Filling,
): number {
  const value = masked?.values[index] ?? 0;
  const mask = masked?.masks[index] ?? 0;
  if (mask === 0xff) return value;
  // A letter in either case: text is normalised to lower case, elsewhere they take turns.
  if (mask === 0xdf) return filling === 'text' || index % 2 === 0 ? value | 0x20 : value;
  return value | (fillingByte(filling, index) & ~mask & 0xff);
}

/** Bytes that none of the options has. */
function noneOf(
  options: readonly { readonly values: Uint8Array; readonly masks: Uint8Array }[],
  lengthBytes: number,
  filling: Filling,
): Uint8Array | undefined {
  for (let attempt = 0; attempt < 64; attempt++) {
    const bytes = Uint8Array.from({ length: lengthBytes }, (_, index) =>
      fillingByte(filling, attempt * lengthBytes + index),
    );
    const isTaken = options.some(({ values, masks }) =>
      values.every((value, index) => ((bytes[index] ?? 0) & (masks[index] ?? 0)) === value),
    );
    if (!isTaken) return bytes;
  }
  return undefined;
}

function holdsAt(piece: RenderedPart, side: 'before' | 'after', near: readonly number[]): boolean {
  const wanted = piece.part.boundaries.filter(({ kind }) => kind.endsWith('Before') === (side === 'before'));
  if (wanted.length === 0) return true;
  const bytes = Uint8Array.from(side === 'before' ? [...near, ...piece.values] : [...piece.values, ...near]);
  const window = { bytes, lengthBytes: bytes.length, startsFile: false, endsFile: false };
  const at = side === 'before' ? near.length : piece.values.length;
  return wanted.every(({ kind, negated }) => boundaryHolds(kind, negated, window, at));
}

/** Surroundings at the outer side of the first or last part. */
function edge(piece: RenderedPart | undefined, side: 'before' | 'after'): readonly number[] | undefined {
  if (piece === undefined) return undefined;
  return EDGES.find((candidate) =>
    OUTSIDE.every((outside) =>
      holdsAt(piece, side, side === 'before' ? [...outside, ...candidate] : [...candidate, ...outside]),
    ),
  );
}

function gapBetween(before: RenderedPart | undefined, after: RenderedPart, filling: Filling) {
  const { gapMinBytes, gapMaxBytes } = after.part;
  if (before === undefined || gapMinBytes > gapMaxBytes || gapMinBytes > GAP_MAX_BYTES) return undefined;
  for (const left of EDGES) {
    for (const right of EDGES) {
      const middleBytes = Math.max(0, gapMinBytes - left.length - right.length);
      if (left.length + middleBytes + right.length > gapMaxBytes) continue;
      const middle = Array.from({ length: middleBytes }, (_, index) => fillingByte(filling, index));
      const gap = [...left, ...middle, ...right];
      const isRight =
        holdsAt(before, 'after', [...gap, ...after.values.subarray(0, 4)]) &&
        holdsAt(after, 'before', [...before.values.subarray(-4), ...gap]);
      if (!isRight) continue;
      return {
        appendTo: (block: BlockWriter) => block.append(left, true).append(middle, false).append(right, true),
      };
    }
  }
  return undefined;
}
