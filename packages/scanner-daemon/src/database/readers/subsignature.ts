import type { MacroSubsignature, Subsignature } from '../model/logical-signature.js';
import { readBody } from './body-language.js';
import { NO_MODIFIERS, readModifiers } from './body-modifiers.js';
import { readByteCompare } from './byte-compare-subsignature.js';
import { readExpression } from './expression.js';
import { MACRO_GROUPS, readOffset } from './offsets.js';
import { malformed, unsupported } from './signature-line.js';
import type { MalformedLine, UnsupportedLine } from './signature-line.js';

/** Where a subsignature stands. */
export interface SubsignatureContext {
  /** ClamAV target type of the signature. */
  readonly target: number;
  /** Its number. */
  readonly index: number;
}

const MACRO = /^\$\{-?(\d{1,15})-+(\d{1,15})\}(\d+).*\$$/;
const FUZZY_IMAGE = /^fuzzy_img#[0-9a-fA-F]{16}(?:#0(?:#.*)?)?$/;
const BYTE_COMPARE = /^\d*\([<>]?[^/]*#/;
const PCRE_FLAGS = /^[girsmxAEUe]*$/;

/** Reads one subsignature of a logical signature, of whichever kind it is (manual, "Special Subsignature Types"). */
export function readSubsignature(
  text: string,
  context: SubsignatureContext,
): Subsignature | MalformedLine | UnsupportedLine {
  if (text.startsWith('$')) return readMacro(text) ?? malformed('invalid macro subsignature');
  if (text.startsWith('fuzzy_img#'))
    return FUZZY_IMAGE.test(text) ? FUZZY : malformed('invalid fuzzy image hash');
  if (text.includes('/')) return readPcre(text, context);
  if (text.includes('#') && BYTE_COMPARE.test(text))
    return readByteCompare(text) ?? malformed('invalid byte comparison');
  return readBodySubsignature(text, context);
}

const FUZZY: Subsignature = { kind: 'unsupported', what: 'fuzzy image hash' };
const DEEP_TRIGGER: Subsignature = { kind: 'unsupported', what: 'a trigger of too many levels' };
const ANYWHERE = { kind: 'any' } as const;

function readBodySubsignature(
  text: string,
  context: SubsignatureContext,
): Subsignature | MalformedLine | UnsupportedLine {
  const doubleColon = text.indexOf('::');
  // Where there are two of them, neither is looked at (observed; an official signature lives on it).
  const isDoubled = doubleColon !== -1 && text.includes('::', doubleColon + 2);
  const modifiers =
    doubleColon === -1 || isDoubled ? NO_MODIFIERS : readModifiers(text.slice(doubleColon + 2));
  if (modifiers === undefined) return malformed('invalid subsignature modifier');
  const plain = doubleColon === -1 ? text : text.slice(0, doubleColon);
  const colon = plain.indexOf(':');
  if (doubleColon === -1 && colon !== -1 && plain.includes(':', colon + 1))
    return readManyFields(plain, context);
  const offset =
    colon === -1
      ? ANYWHERE
      : readOffset(plain.slice(0, colon), { target: context.target, mayBeMacroGroup: false });
  if (offset.kind === 'malformed') return offset;
  const content = readBody(colon === -1 ? plain : plain.slice(colon + 1), context.target, modifiers);
  if (content.kind !== 'variants') return content;
  if (content.coreIsSecond && offset.kind !== 'any') return unsupported('an offset before an anchored gap');
  return { kind: 'body', offset, variants: content.variants };
}

/**
 * With three fields the first is the body, with four the first two are offset and body; then comes one that is not looked
 * at, and the modifiers. With more the first is all there is (observed).
 */
function readManyFields(
  text: string,
  context: SubsignatureContext,
): Subsignature | MalformedLine | UnsupportedLine {
  const fields = text.split(':');
  const [first = '', second = '', third = '', fourth = ''] = fields;
  if (fields.length === 3) return readBodySubsignature(`${first}::${third}`, context);
  return readBodySubsignature(fields.length === 4 ? `${first}:${second}::${fourth}` : first, context);
}

function readMacro(text: string): MacroSubsignature | undefined {
  const match = MACRO.exec(text);
  if (match === null) return undefined;
  const [, min = '', max = '', group = ''] = match;
  if (Number(group) >= MACRO_GROUPS) return undefined;
  return { kind: 'macro', group: Number(group), minBytes: Number(min), maxBytes: Number(max) };
}

/** `[offset:]trigger/pattern/flags`. A colon within the pattern is not that of an offset. */
function readPcre(text: string, context: SubsignatureContext): Subsignature | MalformedLine {
  const start = text.indexOf('/');
  const end = text.lastIndexOf('/');
  if (end === start) return malformed('a regular expression without its end');
  const head = text.slice(0, start);
  const colon = head.indexOf(':');
  const trigger = readExpression(colon === -1 ? head : head.slice(colon + 1));
  if (trigger?.kind === 'tooDeep') return DEEP_TRIGGER;
  if (trigger === undefined || trigger.indexMax >= context.index)
    return malformed('invalid trigger of a regular expression');
  const offset =
    colon === -1
      ? ANYWHERE
      : readOffset(head.slice(0, colon), { target: context.target, mayBeMacroGroup: false });
  if (offset.kind === 'malformed') return offset;
  const [flags, modifiers] = splitModifiers(text.slice(end + 1));
  if (!PCRE_FLAGS.test(flags) || readModifiers(modifiers) === undefined)
    return malformed('invalid flag of a regular expression');
  const pattern = text.slice(start + 1, end);
  return pattern === ''
    ? malformed('an empty regular expression')
    : { kind: 'pcre', trigger: trigger.root, offset, pattern, flags };
}

function splitModifiers(text: string): readonly [string, string] {
  const doubleColon = text.indexOf('::');
  return doubleColon === -1 ? [text, ''] : [text.slice(0, doubleColon), text.slice(doubleColon + 2)];
}
