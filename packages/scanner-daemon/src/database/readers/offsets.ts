import type { BodyOffset } from '../model/body-pattern.js';
import { EXECUTABLE_TARGETS } from './executable-targets.js';
import { malformed } from './signature-line.js';
import type { MalformedLine } from './signature-line.js';
import { wrap32 } from './wrap32.js';

/** Where an offset stands. */
export interface OffsetContext {
  /** ClamAV target type. */
  readonly target: number;
  /** Only an extended signature may be a member of a macro group. */
  readonly mayBeMacroGroup: boolean;
}

const ANY: BodyOffset = { kind: 'any' };
const VERSION_INFO: BodyOffset = { kind: 'versionInfo' };
/** Macro groups are numbered below this (observed). */
export const MACRO_GROUPS = 32;
const OFFSET =
  /^(?:(EOF-)?(\d{0,18})|EP([+-])(\d{0,18})|SL\+(\d{0,18})|SE(\d{0,18})|S(\d{1,18})\+(\d{1,18}))(?:,(\d{0,18}))?$/;

/**
 * Reads an offset (manual, "Extended signature format"): `*`, `n`, `EOF-n`, `EP+n`, `EP-n`, `Sx+n`, `SL+n`, `SEx`,
 * each but the first with `,maxShift`; `VI`; `$n$`. Numbers may be left out nearly everywhere and are 0 then (observed).
 */
export function readOffset(text: string, context: OffsetContext): BodyOffset | MalformedLine {
  if (text === '*') return ANY;
  if (text.startsWith('$')) return readMacroGroup(text, context);
  const isExecutable = EXECUTABLE_TARGETS.has(context.target);
  if (text.startsWith('VI') && isExecutable && !/,.*[^\d]/.test(text)) return VERSION_INFO;
  const match = OFFSET.exec(text);
  if (match === null) return malformed('invalid offset');
  const [, eof, absolute, sign, entryPoint, lastSection, within, section, delta, shift] = match;
  const maxShift = wrap32(shift);
  if (absolute !== undefined) {
    const distance = wrap32(absolute);
    return eof === undefined
      ? { kind: 'absolute', fileOffset: distance, maxShift }
      : { kind: 'fromEnd', fromEnd: distance, maxShift };
  }
  if (!isExecutable) return malformed('an offset that only executables have');
  if (entryPoint !== undefined) {
    const distance = wrap32(entryPoint);
    return { kind: 'entryPoint', delta: sign === '-' ? -distance : distance, maxShift };
  }
  if (lastSection !== undefined) return { kind: 'lastSection', delta: wrap32(lastSection), maxShift };
  if (within !== undefined) return { kind: 'withinSection', section: wrap32(within), maxShift };
  return { kind: 'section', section: wrap32(section), delta: wrap32(delta), maxShift };
}

function readMacroGroup(text: string, context: OffsetContext): BodyOffset | MalformedLine {
  const match = /^\$(\d{1,9})/.exec(text);
  const group = Number(match?.[1] ?? MACRO_GROUPS);
  if (!context.mayBeMacroGroup || group >= MACRO_GROUPS) return malformed('invalid macro group');
  return { kind: 'macroGroup', group };
}
