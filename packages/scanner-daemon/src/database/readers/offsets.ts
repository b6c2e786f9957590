import type { BodyOffset } from '../model/body-pattern.js';
import { malformed } from './signature-line.js';
import type { MalformedLine } from './signature-line.js';

/** Where an offset stands. */
export interface OffsetContext {
  /** ClamAV target type. */
  readonly target: number;
  /** Only an extended signature may be a member of a macro group. */
  readonly mayBeMacroGroup: boolean;
}

const ANY: BodyOffset = { kind: 'any' };
const VERSION_INFO: BodyOffset = { kind: 'versionInfo' };
/** PE, ELF and Mach-O: only executables have entry points and sections. */
const EXECUTABLE_TARGETS: ReadonlySet<number> = new Set([1, 6, 9]);
const MACRO_GROUPS = 32;
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
  const maxShift = number(shift);
  if (absolute !== undefined) {
    const distance = number(absolute);
    return eof === undefined
      ? { kind: 'absolute', fileOffset: distance, maxShift }
      : { kind: 'fromEnd', fromEnd: distance, maxShift };
  }
  if (!isExecutable) return malformed('an offset that only executables have');
  if (entryPoint !== undefined) {
    const distance = number(entryPoint);
    return { kind: 'entryPoint', delta: sign === '-' ? -distance : distance, maxShift };
  }
  if (lastSection !== undefined) return { kind: 'lastSection', delta: number(lastSection), maxShift };
  if (within !== undefined) return { kind: 'withinSection', section: number(within), maxShift };
  return { kind: 'section', section: number(section), delta: number(delta), maxShift };
}

function readMacroGroup(text: string, context: OffsetContext): BodyOffset | MalformedLine {
  const match = /^\$(\d{1,9})/.exec(text);
  const group = Number(match?.[1] ?? MACRO_GROUPS);
  if (!context.mayBeMacroGroup || group >= MACRO_GROUPS) return malformed('invalid macro group');
  return { kind: 'macroGroup', group };
}

/** Wraps at 32 bits, as in ClamAV: 4294967297 is 1 (observed). */
function number(digits: string | undefined): number {
  const value = digits === undefined || digits === '' ? 0 : Number(digits);
  return value <= 0xffffffff ? value : Number(BigInt.asUintN(32, BigInt(digits ?? '')));
}
