import { isForThisLevel } from '../functionality-level.js';
import type { ExtendedSignature } from '../model/logical-signature.js';
import { readBody } from './body-language.js';
import { readOffset } from './offsets.js';
import { malformed, unsupported } from './signature-line.js';
import type { MalformedLine, OtherLevelLine, UnsupportedLine } from './signature-line.js';
import { readTarget, TARGET_MAX } from './target-conditions.js';

/** What a line of an extended signature database turns out to be. */
export type NdbLine = ExtendedSignature | MalformedLine | UnsupportedLine | OtherLevelLine;

const FIELDS_MIN = 4;
const FIELDS_MAX = 6;
/** A body of bytes alone must be longer than two (observed; in a logical signature two are enough). */
const LITERAL_BODY_MIN_BYTES = 3;

/**
 * Reads one line of `.ndb` or `.ndu` (without its line end):
 * `name:target:offset:body[:minLevel[:maxLevel]]` (ClamAV manual, "Extended signature format").
 */
export function readNdbLine(line: string): NdbLine {
  const fields = line.split(':');
  const [name = '', targetText = '', offsetText = '', body = '', minLevel, maxLevel] = fields;
  if (fields.length < FIELDS_MIN || fields.length > FIELDS_MAX) return malformed('wrong number of fields');
  if (!isDigits(minLevel) || !isDigits(maxLevel)) return malformed('invalid functionality level');
  // An empty maximum is 0 (observed), an empty minimum too.
  if (maxLevel === '' || !isForThisLevel(minLevel, maxLevel)) return { kind: 'otherLevel' };
  if (name === '') return malformed('empty signature name');
  const target = readTarget(targetText);
  if (target === undefined) return malformed('invalid target type');
  // ClamAV skips targets it does not know in silence (observed).
  if (target > TARGET_MAX) return { kind: 'otherLevel' };
  const offset = readOffset(offsetText, { target, mayBeMacroGroup: true });
  if (offset.kind === 'malformed') return offset;
  const content = readBody(body, target);
  if (content.kind !== 'variants') return content;
  if (body.length < LITERAL_BODY_MIN_BYTES * 2 && /^[0-9a-fA-F]*$/.test(body))
    return malformed('body is too short');
  if (content.coreIsSecond && offset.kind !== 'any') return unsupported('an offset before an anchored gap');
  return {
    kind: 'extended',
    name,
    target,
    pattern: { kind: 'body', offset, variants: content.variants },
  };
}

function isDigits(text: string | undefined): boolean {
  return text === undefined || /^\d*$/.test(text);
}
