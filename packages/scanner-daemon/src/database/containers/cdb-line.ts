import { isForThisLevel } from '../functionality-level.js';
import type { ContainerMetadataSignature, MetadataRange } from '../model/container-metadata-signature.js';
import { FILE_TYPE_NAMES } from '../readers/file-type-names.js';
import { malformed, type MalformedLine, type OtherLevelLine } from '../readers/signature-line.js';

import { translateExtendedRegex, type TranslatedRegex } from './extended-regex.js';

/** What a line of a container metadata database turns out to be. */
export type CdbLine = ContainerMetadataSignature | MalformedLine | OtherLevelLine;

const FIELDS_MIN = 10;
const FIELDS_MAX = 12;
const ANY = '*';

/**
 * Reads one line of `.cdb` (without its line end):
 * `name:type:containerSize:fileNameRegex:sizeInContainer:realSize:isEncrypted:position:res1:res2[:minLevel[:maxLevel]]`
 * (ClamAV manual, "Signatures based on container metadata"; what is accepted was observed). The reserved fields may hold
 * anything.
 */
export function readCdbLine(line: string): CdbLine {
  const fields = line.split(':');
  if (fields.length < FIELDS_MIN || fields.length > FIELDS_MAX) return malformed('wrong number of fields');
  const [minLevel, maxLevel] = readLevels(fields);
  if (minLevel === undefined) return malformed('invalid functionality level');
  if (!isForThisLevel(minLevel, undefined)) return { kind: 'otherLevel' };
  if (maxLevel === undefined) return malformed('invalid functionality level');
  if (!isForThisLevel(undefined, maxLevel)) return { kind: 'otherLevel' };
  const [name = '', type = '', containerSize = '', fileName = '', compressedSize = ''] = fields;
  const [realSize = '', encrypted = '', position = ''] = fields.slice(5);
  if (name === '') return malformed('empty signature name');
  if (type !== ANY && !FILE_TYPE_NAMES.has(type)) return malformed('unknown container type');
  const pattern = fileName === ANY ? undefined : translateExtendedRegex(fileName);
  if (fileName !== ANY && pattern === undefined) return malformed('invalid expression for the file name');
  if (![ANY, '0', '1'].includes(encrypted)) return malformed('invalid encryption flag');
  const ranges = [containerSize, compressedSize, realSize, position].map(readRange);
  if (ranges.includes('invalid')) return malformed('invalid number');
  return build({ name, type, encrypted, pattern }, ranges);
}

interface PlainFields {
  readonly name: string;
  readonly type: string;
  readonly encrypted: string;
  readonly pattern: TranslatedRegex | undefined;
}

function build(
  { name, type, encrypted, pattern }: PlainFields,
  ranges: readonly (MetadataRange | 'invalid' | undefined)[],
): ContainerMetadataSignature {
  const [containerSize, compressedSize, realSize, position] = ranges.map((range) =>
    range === 'invalid' ? undefined : range,
  );
  return {
    kind: 'containerMetadata',
    name,
    containerType: type === ANY || type === 'CL_TYPE_ANY' ? undefined : type,
    containerSize,
    fileNamePattern: pattern?.source,
    ignoresCase: pattern?.ignoresCase ?? false,
    compressedSize,
    realSize,
    isEncrypted: encrypted === ANY ? undefined : encrypted === '1',
    position,
  };
}

/** The levels, empty where there is none; undefined where one is no number. An empty second one is level 0. */
function readLevels(fields: readonly string[]): [string | undefined, string | undefined] {
  const [min = '', max] = fields.slice(FIELDS_MIN);
  const isNumber = (text: string): boolean => /^\d*$/.test(text);
  const maxLevel = max === '' ? '0' : (max ?? '');
  return [isNumber(min) ? min : undefined, isNumber(maxLevel) ? maxLevel : undefined];
}

/** `*`, `n` or `n-m`. An empty field is 0; of `n-m-k` the k is not looked at (observed). */
function readRange(text: string): MetadataRange | 'invalid' | undefined {
  if (text === ANY) return undefined;
  const found = /^(\d*)(?:-(-?\d+)(?:-.*)?)?$/.exec(text);
  if (found === null || (text !== '' && found[1] === '')) return 'invalid';
  const min = numberOf(found[1] ?? '');
  // No upper end, and one of 0, mean the lower alone (observed).
  const max = found[2] === undefined ? 0 : numberOf(found[2]);
  return { min, max: max === 0 ? min : max };
}

function numberOf(digits: string): number {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : Number.MAX_SAFE_INTEGER;
}
