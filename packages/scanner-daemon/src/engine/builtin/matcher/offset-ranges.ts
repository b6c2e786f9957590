import type { BodyOffset } from '../../../database/model/body-pattern.js';
import type { ExecutableLayout } from '../../executables/executable-layout.js';

/** The input offsets, both included, at which a pattern may begin. Empty when `first > last`. */
export interface StartRange {
  readonly first: number;
  readonly last: number;
}

const NOWHERE: readonly StartRange[] = [];

/**
 * Where a pattern may begin in an input of `sizeBytes`; one range, except for version information.
 *
 * @param layout asked for the offsets that need it; undefined for what is no executable
 */
export function startRanges(
  offset: BodyOffset,
  sizeBytes: number,
  layout: () => ExecutableLayout | undefined,
): readonly StartRange[] {
  switch (offset.kind) {
    case 'any':
      return [{ first: 0, last: sizeBytes }];
    case 'absolute':
      return [{ first: offset.fileOffset, last: offset.fileOffset + offset.maxShift }];
    case 'fromEnd':
      // Further back than the file is long: no match at all, whatever the shift (clamd 1.4.6, observed).
      if (offset.fromEnd > sizeBytes) return NOWHERE;
      return shifted(sizeBytes - offset.fromEnd, offset.maxShift);
    case 'entryPoint': {
      const entryPoint = layout()?.entryPointOffset;
      return entryPoint === undefined ? NOWHERE : shifted(entryPoint + offset.delta, offset.maxShift);
    }
    case 'section': {
      const section = layout()?.sections[offset.section];
      return section === undefined ? NOWHERE : shifted(section.fileOffset + offset.delta, offset.maxShift);
    }
    case 'lastSection': {
      const section = layout()?.sections.at(-1);
      return section === undefined ? NOWHERE : shifted(section.fileOffset + offset.delta, offset.maxShift);
    }
    case 'withinSection': {
      const section = layout()?.sections[offset.section];
      if (section === undefined) return NOWHERE;
      return shifted(section.fileOffset, section.sizeBytes + offset.maxShift);
    }
    case 'versionInfo':
      return (layout()?.versionInfoOffsets ?? []).map((first) => ({ first, last: first }));
    case 'macroGroup':
      return NOWHERE;
  }
}

function shifted(first: number, maxShift: number): readonly StartRange[] {
  return [{ first, last: first + maxShift }];
}
