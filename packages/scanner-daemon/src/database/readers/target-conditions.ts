import { isForThisLevel } from '../functionality-level.js';
import { onlyTarget, type NumberRange, type TargetConditions } from '../model/logical-signature.js';
import { EXECUTABLE_TARGETS } from './executable-targets.js';
import { FILE_TYPE_NAMES } from './file-type-names.js';
import { malformed } from './signature-line.js';
import type { MalformedLine, OtherLevelLine } from './signature-line.js';
import { wrap32 } from './wrap32.js';

/** The last target type that ClamAV 1.4.6 knows (observed); it skips signatures for others in silence. */
export const TARGET_MAX = 14;
/** Below this level of `Engine`, or without it, no other keyword but `Target` is allowed (observed). */
const KEYWORDS_MIN_LEVEL = 51;
const TARGET_PE = 1;
const OTHER_LEVEL: OtherLevelLine = { kind: 'otherLevel' };

/** What the target description block of a logical signature says. */
export type TargetBlock = TargetConditions | MalformedLine | OtherLevelLine;

type Draft = { -readonly [Key in keyof TargetConditions]: TargetConditions[Key] } & {
  minLevel: number;
  hasKeywords: boolean;
};

/** Many signatures share few blocks: the blocks of the official set take 1 % of its lines. */
const KNOWN_BLOCKS_MAX = 4096;
const knownBlocks = new Map<string, TargetBlock>();

/**
 * Reads a target description block, `Engine:51-255,Target:1,…` (manual, "Logical signatures"). Keywords and file
 * types that this version of ClamAV does not know make it skip the signature in silence.
 */
export function readTargetBlock(text: string): TargetBlock {
  const known = knownBlocks.get(text);
  if (known !== undefined) return known;
  const block = parseBlock(text);
  if (knownBlocks.size >= KNOWN_BLOCKS_MAX) knownBlocks.clear();
  knownBlocks.set(text, block);
  return block;
}

function parseBlock(text: string): TargetBlock {
  const draft: Draft = {
    ...onlyTarget(-1),
    minLevel: 0,
    hasKeywords: false,
  };
  let isForOtherLevel = false;
  for (const [index, item] of text.split(',').entries()) {
    const colon = item.indexOf(':');
    // An empty keyword is one that nobody knows (observed).
    if (colon === -1) return malformed('a keyword without a value in the target description block');
    const keyword = item.slice(0, colon);
    const value = item.slice(colon + 1);
    if (keyword === 'Engine') {
      const range = index === 0 ? readRange(value) : undefined;
      if (range === undefined) return malformed('invalid Engine');
      isForOtherLevel = !isForThisLevel(String(range.min), String(range.max));
      draft.minLevel = range.min;
      continue;
    }
    const problem = applyKeyword(draft, keyword, value);
    if (problem !== undefined) return problem;
  }
  if (isForOtherLevel) return OTHER_LEVEL;
  return finish(draft);
}

function finish(draft: Draft): TargetBlock {
  const { minLevel, hasKeywords, ...conditions } = draft;
  if (draft.target === -1) return malformed('no Target in the target description block');
  if (hasKeywords && minLevel < KEYWORDS_MIN_LEVEL) return malformed('keywords that need Engine:51 or more');
  if (draft.target > TARGET_MAX) return OTHER_LEVEL;
  if (
    (draft.entryPoint !== undefined || draft.sectionCount !== undefined) &&
    !EXECUTABLE_TARGETS.has(draft.target)
  ) {
    return malformed('EntryPoint or NumberOfSections without an executable target');
  }
  if (draft.needsIcon && draft.target !== TARGET_PE) return malformed('IconGroup without target PE');
  return conditions;
}

/** Sets what `keyword` says; an outcome where the signature ends there. */
function applyKeyword(
  draft: Draft,
  keyword: string,
  value: string,
): MalformedLine | OtherLevelLine | undefined {
  if (keyword === 'Target') {
    const target = readTarget(value);
    if (target === undefined) return malformed('invalid Target');
    draft.target = target;
    return undefined;
  }
  if (!KEYWORDS.has(keyword)) return OTHER_LEVEL;
  draft.hasKeywords = true;
  if (keyword === 'IconGroup1' || keyword === 'IconGroup2') {
    draft.needsIcon = true;
    return undefined;
  }
  return keyword === 'FileSize' || keyword === 'EntryPoint' || keyword === 'NumberOfSections'
    ? applyRange(draft, keyword, value)
    : applyFileType(draft, keyword, value);
}

const KEYWORDS: ReadonlySet<string> = new Set([
  'FileSize',
  'EntryPoint',
  'NumberOfSections',
  'Container',
  'Intermediates',
  'HandlerType',
  'IconGroup1',
  'IconGroup2',
]);

function applyRange(
  draft: Draft,
  keyword: 'FileSize' | 'EntryPoint' | 'NumberOfSections',
  value: string,
): MalformedLine | undefined {
  const range = readRange(value);
  if (range === undefined) return malformed(`invalid ${keyword}`);
  if (keyword === 'FileSize') draft.fileSizeBytes = range;
  else if (keyword === 'EntryPoint') draft.entryPoint = range;
  else draft.sectionCount = range;
  return undefined;
}

function applyFileType(draft: Draft, keyword: string, value: string): OtherLevelLine | undefined {
  const types = keyword === 'Intermediates' ? value.split('>') : [value];
  if (types.some((type) => !FILE_TYPE_NAMES.has(type))) return OTHER_LEVEL;
  if (keyword === 'Intermediates') draft.intermediates = types;
  else if (keyword === 'HandlerType') draft.handlerType = value;
  else draft.container = value;
  return undefined;
}

/** A target type: digits, none of them being 0 (observed); undefined for anything else. */
export function readTarget(text: string): number | undefined {
  return /^\d{0,18}$/.test(text) ? wrap32(text) : undefined;
}

/** `min-max`, either of them left out being 0 (observed). */
function readRange(text: string): NumberRange | undefined {
  const match = /^(\d{0,18})-(\d{0,18})$/.exec(text);
  if (match === null) return undefined;
  return { min: wrap32(match[1]), max: wrap32(match[2]) };
}
