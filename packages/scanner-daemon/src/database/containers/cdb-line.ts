import { compileFileName } from '../../engine/builtin/file-name-expression.js';
import { isForThisLevel } from '../functionality-level.js';
import type { ContainerMetadataSignature, MetadataRange } from '../model/container-metadata-signature.js';
import { FILE_TYPE_NAMES } from '../readers/file-type-names.js';
import {
  malformed,
  unsupported,
  type MalformedLine,
  type OtherLevelLine,
  type UnsupportedLine,
} from '../readers/signature-line.js';
import { translateExtendedRegex, type TranslatedRegex } from './extended-regex.js';

/** What a line of a container metadata database turns out to be. */
export type CdbLine = ContainerMetadataSignature | MalformedLine | UnsupportedLine | OtherLevelLine;

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
  // Nested repetitions, which clamd takes or has no memory for (observed).
  if (pattern !== undefined && compileFileName(pattern.source, pattern.ignoresCase).kind !== 'program')
    return unsupported('a large expression for a file name');
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

const SINGLE = /^\d*$/;
/** Blanks and a sign may stand before either number, and behind the second one anything at all (observed). */
const RANGE = /^([\t-\r ]*[-+]?\d+)-([\t-\r ]*[-+]?\d+)/;
/** What `*` is in clamd, and -1 too: anything will do (observed). */
const ANY_NUMBER = 0xffff_ffff;
const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;

/** `*`, `n` or `n-m`. An empty field is 0. */
function readRange(text: string): MetadataRange | 'invalid' | undefined {
  if (text === ANY) return undefined;
  const isSingle = SINGLE.test(text);
  const found = isSingle ? [text, text, text] : RANGE.exec(text);
  if (found === null) return 'invalid';
  const min = numberOf(found[1] ?? '');
  if (min === ANY_NUMBER) return undefined;
  const max = numberOf(found[2] ?? '');
  // An upper end of 0 means the lower alone (observed).
  return { min, max: max === 0 ? min : max };
}

/** As strtol makes a number and clamd then keeps 32 bits of it (observed). */
function numberOf(text: string): number {
  const digits = text.trim();
  const magnitude = BigInt(digits.replace(/^[-+]/, ''));
  const value = digits.startsWith('-') ? -magnitude : magnitude;
  const bounded = value > LONG_MAX ? LONG_MAX : value < LONG_MIN ? LONG_MIN : value;
  return Number(BigInt.asUintN(32, bounded));
}
