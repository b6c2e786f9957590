import type { BodyBoundary, BodyParts } from '../model/body-pattern.js';
import { literalMasks } from './body-alternates.js';
import { NO_MODIFIERS } from './body-modifiers.js';
import type { BodyModifiers } from './body-modifiers.js';
import { onePart } from './body-parts.js';
import { BodyReader, fullwordKind, PART_MAX_BYTES, STATIC_RUN_MIN_BYTES } from './body-reader.js';
import type { BodyVariants } from './body-reader.js';
import { bytesFromSlab } from './byte-slab.js';
import { caselessMask, decodeHex } from './hex-digits.js';

/** For these ClamAV makes a filter, which not every start of a part allows (observed). */
const FILTERED_TARGETS: ReadonlySet<number> = new Set([0, 1, 4, 7]);
/** Longer bodies than this are decoded outside of {@link scratch}. */
const SCRATCH_BYTES = 1 << 13;

/** To ClamAV so many times `??` (observed up to 127), */
const SHORT_GAP = /\{\+?(0*(?:[1-9]\d?|1[01]\d|12[0-7]))\}/g;
/** which makes a difference within a byte: `4142434{1}4`. */
const GAP_WITHIN_BYTE = /(?<![\da-fA-F?])(?:[\da-fA-F?]{2})*[\da-fA-F?]\{\+?0*(?:[1-9]\d?|1[01]\d|12[0-7])\}/;

const scratch = new Uint8Array(SCRATCH_BYTES);

export { PART_MAX_BYTES } from './body-reader.js';

/**
 * Reads a hex body (manual, "Body-based Signature Content Format") into every variant it stands for. `modifiers`
 * are those of a subsignature; an extended signature has none.
 */
export function readBody(
  text: string,
  target: number,
  modifiers: BodyModifiers = NO_MODIFIERS,
): BodyVariants {
  const literal = readLiteral(text, modifiers);
  if (literal !== undefined) return literal;
  const read = readParts(text, target, modifiers);
  if (read.kind !== 'malformed' || !GAP_WITHIN_BYTE.test(text)) return read;
  const spread = text.replace(SHORT_GAP, (_gap, bytes: string) => '??'.repeat(Number(bytes)));
  return readParts(spread, target, modifiers);
}

function readParts(text: string, target: number, modifiers: BodyModifiers): BodyVariants {
  const isFiltered = FILTERED_TARGETS.has(target);
  const isWide = modifiers.wide;
  if (!isWide || !modifiers.ascii) return new BodyReader(text, { modifiers, isWide, isFiltered }).read();
  const plain = new BodyReader(text, { modifiers, isWide: false, isFiltered }).read();
  if (plain.kind !== 'variants') return plain;
  const wide = new BodyReader(text, { modifiers, isWide, isFiltered }).read();
  if (wide.kind !== 'variants') return wide;
  return {
    kind: 'variants',
    variants: [...plain.variants, ...wide.variants],
    coreIsSecond: plain.coreIsSecond,
  };
}

/** The short way for hex digits alone, 8 of 10 subsignatures: undefined for everything else. */
function readLiteral(text: string, modifiers: BodyModifiers): BodyVariants | undefined {
  const lengthBytes = text.length >> 1;
  const partBytes = modifiers.wide ? 2 * lengthBytes : lengthBytes;
  if (lengthBytes < STATIC_RUN_MIN_BYTES || partBytes > PART_MAX_BYTES || !decodeHex(text, scratch))
    return undefined;
  if (!modifiers.wide)
    return { kind: 'variants', variants: [literalPart(lengthBytes, modifiers)], coreIsSecond: false };
  if (!modifiers.ascii)
    return { kind: 'variants', variants: [widePart(lengthBytes, modifiers)], coreIsSecond: false };
  return {
    kind: 'variants',
    variants: [literalPart(lengthBytes, modifiers), widePart(lengthBytes, modifiers)],
    coreIsSecond: false,
  };
}

function literalPart(lengthBytes: number, modifiers: BodyModifiers): BodyParts {
  const values = bytesFromSlab(lengthBytes);
  for (let index = 0; index < lengthBytes; index++) values[index] = scratch[index] ?? 0;
  const masks = modifiers.nocase ? maskCase(values) : literalMasks(lengthBytes);
  return onePart({ values, masks }, modifiers.fullword ? fullwordOf(lengthBytes, false) : []);
}

function widePart(lengthBytes: number, modifiers: BodyModifiers): BodyParts {
  const values = bytesFromSlab(lengthBytes * 2);
  for (let index = 0; index < lengthBytes; index++) values[index * 2] = scratch[index] ?? 0;
  const masks = modifiers.nocase ? maskCase(values) : literalMasks(lengthBytes * 2);
  return onePart({ values, masks }, modifiers.fullword ? fullwordOf(lengthBytes * 2, true) : []);
}

/** Makes `values` caseless in place; the masks for them. */
function maskCase(values: Uint8Array): Uint8Array {
  const masks = bytesFromSlab(values.length);
  for (let index = 0; index < values.length; index++) {
    const mask = caselessMask(values[index] ?? 0);
    masks[index] = mask;
    values[index] = (values[index] ?? 0) & mask;
  }
  return masks;
}

function fullwordOf(lengthBytes: number, wide: boolean): readonly BodyBoundary[] {
  return [
    { partOffset: 0, kind: fullwordKind('Before', wide), negated: false },
    { partOffset: lengthBytes, kind: fullwordKind('After', wide), negated: false },
  ];
}
