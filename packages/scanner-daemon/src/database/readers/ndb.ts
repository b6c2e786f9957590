import { isForThisLevel } from '../functionality-level.js';
import { readBodyContent } from './body-content.js';
import type { BodyOffset, BodySignature } from './body-signature.js';
import { malformed, unsupported } from './signature-line.js';
import type { MalformedLine, OtherLevelLine, UnsupportedLine } from './signature-line.js';

/** What a line of an extended signature database turns out to be. */
export type NdbLine = BodySignature | MalformedLine | UnsupportedLine | OtherLevelLine;

const FIELDS_MIN = 4;
const FIELDS_MAX = 6;
/** Any, PE, OLE2, graphics, ELF, Mach-O, PDF, Flash, Java: what raw bytes can be matched against. */
const SUPPORTED_TARGETS: ReadonlySet<number> = new Set([0, 1, 2, 5, 6, 9, 10, 11, 12]);
/** HTML, mail and text signatures are written for normalised content. */
const NORMALISED_TARGETS: ReadonlySet<number> = new Set([3, 4, 7]);
/** Only executables have entry points and sections. */
const EXECUTABLE_TARGETS: ReadonlySet<number> = new Set([1, 6, 9]);

/**
 * Reads one line of `.ndb` or `.ndu` (without its line end):
 * `name:target:offset:body[:minLevel[:maxLevel]]` (ClamAV manual, "Extended signature format").
 */
export function readNdbLine(line: string): NdbLine {
  const fields = line.split(':');
  const [name = '', target = '', offset = '', body = '', minLevel, maxLevel] = fields;
  if (fields.length < FIELDS_MIN || fields.length > FIELDS_MAX) return malformed('wrong number of fields');
  if (!/^\d*$/.test(minLevel ?? '') || !/^\d*$/.test(maxLevel ?? ''))
    return malformed('invalid functionality level');
  if (!isForThisLevel(minLevel, maxLevel)) return { kind: 'otherLevel' };
  if (name === '') return malformed('empty signature name');
  if (!/^\d{1,3}$/.test(target)) return malformed('invalid target type');
  const targetType = Number(target);
  const place = readOffset(offset, targetType);
  if (place.kind === 'malformed') return place;
  const content = readBodyContent(body);
  if (content.kind === 'malformed') return content;
  if (NORMALISED_TARGETS.has(targetType)) return unsupported('target HTML, mail or text');
  if (!SUPPORTED_TARGETS.has(targetType)) return unsupported('unknown target');
  if (place.kind === 'unsupported') return place;
  if (content.kind === 'unsupported') return content;
  return { kind: 'body', name, target: targetType, offset: place, parts: content.parts };
}

function readOffset(text: string, target: number): BodyOffset | MalformedLine | UnsupportedLine {
  if (text === '*') return { kind: 'any' };
  // clamd takes `10,` for a shift of 0.
  const plain = /^(EOF-)?(\d{1,15})(?:,(\d{0,10}))?$/.exec(text);
  if (plain !== null) {
    const [, fromEnd, digits = '', shift = ''] = plain;
    const distance = Number(digits);
    const maxShift = Number(shift);
    return fromEnd === undefined
      ? { kind: 'absolute', fileOffset: distance, maxShift }
      : { kind: 'fromEnd', fromEnd: distance, maxShift };
  }
  const isStructural = /^(?:EP[+-]\d+|S\d+\+\d+|SL\+\d+|SE\d+|VI)(?:,\d*)?$/.test(text);
  if (isStructural && EXECUTABLE_TARGETS.has(target))
    return unsupported('offset in an executable (EP, S, SL, SE, VI)');
  return malformed('invalid offset');
}
