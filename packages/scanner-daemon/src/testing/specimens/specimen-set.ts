import type { ExtendedSignature, LogicalSignature } from '../../database/model/logical-signature.js';
import { buildJoined, buildSpecimen, hasPlace } from './build-specimen.js';
import type { PlacedBlock, Specimen } from './build-specimen.js';
import { macroDocument } from './macro-document.js';
import { wrapInContainer } from './wrap-container.js';

/** What a file is, beside its signature: a match, one byte changed, one byte too far, one match too few. */
export type SpecimenKind = 'match' | 'changed' | 'shifted' | 'tooFew';

/** A file to be judged. */
export interface SpecimenFile {
  readonly kind: SpecimenKind;
  readonly bytes: Uint8Array;
}

/** All the files of one signature, or why there is none. */
export type SpecimenSet =
  | { readonly kind: 'built'; readonly files: readonly SpecimenFile[] }
  | { readonly kind: 'unbuilt'; readonly reason: string };

/** Builds the file that a signature matches and up to three near misses. */
export function buildSpecimens(
  signature: LogicalSignature | ExtendedSignature,
  withNearMisses: boolean,
): SpecimenSet {
  const specimen = buildSpecimen(signature);
  if (specimen.kind === 'unbuilt') return specimen;
  const container = signature.kind === 'logical' ? signature.conditions.container : undefined;
  if (signature.kind === 'logical' && signature.conditions.intermediates.length > 0)
    return { kind: 'unbuilt', reason: 'Intermediates' };
  const files: SpecimenFile[] = [];
  const add = (kind: SpecimenKind, { form }: Specimen, bytes: Uint8Array): void => {
    const file = form === 'macro' ? macroDocument([{ name: 'Module1', source: bytes }]) : bytes;
    const wrapped = file && wrapInContainer(container, file);
    if (wrapped !== undefined) files.push({ kind, bytes: wrapped });
  };
  add('match', specimen, specimen.bytes);
  if (files.length === 0) return { kind: 'unbuilt', reason: unwrapped(container) };
  if (!withNearMisses) return { kind: 'built', files };
  add('changed', specimen, withBytesChanged(specimen, specimen.placed.slice(-1)));
  if (specimen.placed.some(({ demand }) => hasPlace(demand.offset))) {
    const shifted = buildSpecimen(signature, { isShifted: true });
    if (shifted.kind === 'built') add('shifted', shifted, shifted.bytes);
  }
  if (specimen.placed.some(({ demand }) => demand.count > 1)) {
    const fewer = buildSpecimen(signature, { isOneTooFew: true });
    if (fewer.kind === 'built') add('tooFew', fewer, fewer.bytes);
  }
  return { kind: 'built', files };
}

/** The files of several joinable signatures of one target: one that all match, one with a byte of every pattern changed. */
export function buildJoinedSpecimens(
  signatures: readonly (LogicalSignature | ExtendedSignature)[],
  withNearMisses: boolean,
): SpecimenSet {
  const specimen = buildJoined(signatures);
  if (specimen.kind === 'unbuilt') return specimen;
  const files: SpecimenFile[] = [{ kind: 'match', bytes: specimen.bytes }];
  if (withNearMisses) files.push({ kind: 'changed', bytes: withBytesChanged(specimen, specimen.placed) });
  return { kind: 'built', files };
}

/** Changes the byte in the middle of those that each of the blocks needs. */
function withBytesChanged({ bytes }: Specimen, blocks: readonly PlacedBlock[]): Uint8Array {
  const changed = bytes.slice();
  for (const { fileOffset, demand } of blocks) {
    const { values, fixed, leadBytes } = demand.block;
    const needed: number[] = [];
    for (let index = leadBytes; index < values.length; index++) if (fixed[index] === 1) needed.push(index);
    const at = fileOffset + (needed[needed.length >> 1] ?? 0);
    changed[at] = (changed[at] ?? 0) ^ 0x11;
  }
  return changed;
}

function unwrapped(container: string | undefined): string {
  return container === undefined ? 'a macro that does not compress' : `container ${container}`;
}
