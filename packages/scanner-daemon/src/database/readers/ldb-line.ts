import type { LogicalSignature, Subsignature } from '../model/logical-signature.js';
import { readExpression } from './expression.js';
import { malformed, unsupported } from './signature-line.js';
import type { MalformedLine, OtherLevelLine, UnsupportedLine } from './signature-line.js';
import { readSubsignature } from './subsignature.js';
import { readTargetBlock } from './target-conditions.js';

/** What a line of a logical signature database turns out to be. */
export type LdbLine = LogicalSignature | MalformedLine | UnsupportedLine | OtherLevelLine;

const FIELDS_BEFORE_SUBSIGNATURES = 3;

/**
 * Reads one line of `.ldb` or `.ldu` (without its line end): `name;target description;expression;subsignature…`
 * (ClamAV manual, "Logical signatures"). A subsignature that is valid and not supported leaves the signature
 * standing, with that subsignature never matching.
 */
export function readLdbLine(line: string): LdbLine {
  const fields = splitFields(line);
  const [name = '', block = '', expressionText = ''] = fields;
  if (fields.length <= FIELDS_BEFORE_SUBSIGNATURES) return malformed('too few fields');
  if (name === '') return malformed('empty signature name');
  const expression = readExpression(expressionText);
  if (expression === undefined) return malformed('invalid logical expression');
  if (expression.kind === 'tooDeep') return unsupported('a logical expression of too many levels');
  // Also of a signature for another level (observed).
  if (fields.length - FIELDS_BEFORE_SUBSIGNATURES !== expression.indexMax + 1) {
    return malformed('another number of subsignatures than the logical expression has');
  }
  const conditions = readTargetBlock(block);
  if ('kind' in conditions) return conditions;
  const subsignatures: Subsignature[] = [];
  for (let index = 0; index <= expression.indexMax; index++) {
    const text = fields[index + FIELDS_BEFORE_SUBSIGNATURES] ?? '';
    const subsignature = readSubsignature(text, { target: conditions.target, index });
    if (subsignature.kind === 'malformed') return subsignature;
    subsignatures.push(subsignature);
  }
  return { kind: 'logical', name, conditions, expression: expression.root, subsignatures };
}

const BACKSLASH = 0x5c;
const SEMICOLON = 0x3b;
const SLASH = 0x2f;

/** Semicolons between two slashes of a subsignature do not part (observed): they belong to a regular expression. */
function splitFields(line: string): readonly string[] {
  const fields = line.split(';');
  return line.includes('/', offsetOfSubsignatures(fields)) ? splitOutsideSlashes(line, fields) : fields;
}

function offsetOfSubsignatures(fields: readonly string[]): number {
  let offset = 0;
  for (let index = 0; index < FIELDS_BEFORE_SUBSIGNATURES; index++)
    offset += (fields[index]?.length ?? 0) + 1;
  return offset;
}

function splitOutsideSlashes(line: string, naive: readonly string[]): readonly string[] {
  const fields = naive.slice(0, FIELDS_BEFORE_SUBSIGNATURES);
  let start = offsetOfSubsignatures(fields);
  let isBetweenSlashes = false;
  for (let index = start; index < line.length; index++) {
    const code = line.charCodeAt(index);
    if (code === SLASH && line.charCodeAt(index - 1) !== BACKSLASH) isBetweenSlashes = !isBetweenSlashes;
    else if (code === SEMICOLON && !isBetweenSlashes) {
      fields.push(line.slice(start, index));
      start = index + 1;
    }
  }
  fields.push(line.slice(start));
  return fields;
}
