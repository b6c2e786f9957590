import { AppError } from '../errors/app-error.js';

/** A line of clamd.conf is no longer (behaviour 3.1). It also bounds how deep regcomp(3), which recurses, can nest. */
const PATTERN_BYTES_MAX = 1_023;
/** RE_DUP_MAX of POSIX and of clamd; glibc's own is 32,767. */
const COUNT_MAX = 255;
/** Characters after all counts are written out. glibc's compiled form is quadratic in them: 8 MB at 1,000. */
const EXPANDED_MAX = 1_024;
/** glibc's time to compile at least doubles with each of them: 3 ms at 10 of `(a*)*`, 2 s at 20. */
const EMPTY_REPEATS_MAX = 6;

/** A pattern cannot be compiled. The message is regerror(3)'s, or ours where a bound of ours is met. */
export class PatternError extends AppError<'BAD_PATTERN'> {
  constructor(reason: string) {
    super('BAD_PATTERN', reason);
  }
}

/** What is known of a part of the pattern. */
interface Part {
  /** Characters after all counts are written out. */
  readonly expanded: number;
  /** Repetitions of what can be empty, such as `(a*)*` and `(a?){2}`, after all counts are written out. */
  readonly emptyRepeats: number;
  readonly canBeEmpty: boolean;
}

/** An alternative under construction, and what was before it in the same group. */
interface Level {
  alternatives: Part | undefined;
  done: Part;
  /** What a repetition would apply to. */
  last: Part | undefined;
}

/** `text` is what glibc gets for `length` characters of the pattern. */
type Token = { readonly text: string; readonly length: number } & (
  { readonly kind: 'part'; readonly part: Part } | { readonly kind: 'open' | 'close' | 'or' | 'repeat' }
);

const NOTHING: Part = { expanded: 0, emptyRepeats: 0, canBeEmpty: true };
const CHARACTER: Part = { expanded: 1, emptyRepeats: 0, canBeEmpty: false };
const BOUNDARY: Part = { expanded: 1, emptyRepeats: 0, canBeEmpty: true };

// One token each, over one character for each byte. A `]` that comes first in brackets stands for itself.
const BRACKETS = /\[\^?\]?(?:\[:[^\]]*:\]|\[\.[^\]]*\.\]|\[=[^\]]*=\]|(?!\[[:.=])[^\]])*\]/y;
const COUNTS = /\{(\d+)(,?)(\d*)\}/y;

/**
 * Rewrites a POSIX extended regular expression so that glibc reads it as clamd does (observed with clamd 1.4.6): an
 * escaped letter or digit is itself, since both `\1` and `\w` are GNU's; `{` is literal unless a digit follows;
 * empty alternatives and repeated repetitions are refused. Refuses what glibc would need too much time or memory for.
 *
 * @throws PatternError, for what regcomp(3) alone would not refuse or would name wrongly; the rest is left to it.
 */
export function preparePattern(pattern: string): string {
  if (pattern.length > PATTERN_BYTES_MAX) throw new PatternError(`Longer than ${PATTERN_BYTES_MAX} bytes`);
  if (pattern.includes('\0')) throw new PatternError('It holds a NUL byte');
  if (pattern === '') throw new PatternError('Empty expression');
  const outer: Level[] = [];
  let level = openLevel();
  let prepared = '';
  for (let at = 0; at < pattern.length;) {
    const token = readToken(pattern, at, outer.length > 0);
    if (token.kind === 'repeat') {
      level.done = joined(level.done, repeated(level.last, token.text));
      level.last = undefined;
    } else if (token.kind === 'or') {
      startAlternative(level);
    } else if (token.kind === 'close') {
      const group = closeLevel(level);
      level = outer.pop() ?? level;
      level.last = group;
    } else {
      settle(level);
      if (token.kind === 'part') level.last = token.part;
      else {
        outer.push(level);
        level = openLevel();
      }
    }
    prepared += token.text;
    at += token.length;
  }
  if (outer.length > 0) throw new PatternError('Unmatched ( or \\(');
  checkBounds(closeLevel(level));
  return prepared;
}

function readToken(pattern: string, at: number, inGroup: boolean): Token {
  const text = pattern.charAt(at);
  const next = pattern.charAt(at + 1);
  if (text === '\\') return readEscape(next);
  if (text === '[') return readBrackets(pattern, at);
  if (text === '(') return { kind: 'open', text, length: 1 };
  if (text === ')' && inGroup) return { kind: 'close', text, length: 1 };
  if (text === '|') return { kind: 'or', text, length: 1 };
  if (/[*+?]/.test(text)) return { kind: 'repeat', text, length: 1 };
  if (text === '{' && /\d/.test(next)) {
    const counts = readCounts(pattern, at);
    return { kind: 'repeat', text: counts, length: counts.length };
  }
  if (text === ')' || text === '{') return { kind: 'part', text: `\\${text}`, length: 1, part: CHARACTER };
  return { kind: 'part', text, length: 1, part: /[$^]/.test(text) ? BOUNDARY : CHARACTER };
}

/** Of GNU's escapes only the word boundaries are clamd's, too. */
function readEscape(escaped: string): Token {
  if (escaped === '') throw new PatternError('Trailing backslash');
  const text = /[\w`']/.test(escaped) ? escaped : `\\${escaped}`;
  return { kind: 'part', text, length: 2, part: /[<>]/.test(escaped) ? BOUNDARY : CHARACTER };
}

function readBrackets(pattern: string, at: number): Token {
  const brackets = tokenAt(BRACKETS, pattern, at)?.[0];
  if (brackets === undefined) throw new PatternError('Unmatched [, [^, [:, [., or [=');
  const boundary = WORD_BOUNDARIES.get(brackets);
  return {
    kind: 'part',
    text: boundary ?? brackets,
    length: brackets.length,
    part: boundary === undefined ? CHARACTER : BOUNDARY,
  };
}

const WORD_BOUNDARIES: ReadonlyMap<string, string> = new Map([
  ['[[:<:]]', '\\<'],
  ['[[:>:]]', '\\>'],
]);

function openLevel(): Level {
  return { alternatives: undefined, done: NOTHING, last: undefined };
}

function settle(level: Level): void {
  if (level.last !== undefined) level.done = joined(level.done, level.last);
  level.last = undefined;
}

function startAlternative(level: Level): void {
  settle(level);
  if (level.done === NOTHING) throw new PatternError('Empty expression');
  level.alternatives = either(level.alternatives, level.done);
  level.done = NOTHING;
}

function closeLevel(level: Level): Part {
  settle(level);
  if (level.done === NOTHING && level.alternatives !== undefined) throw new PatternError('Empty expression');
  return either(level.alternatives, level.done);
}

function joined(before: Part, after: Part): Part {
  return {
    expanded: before.expanded + after.expanded,
    emptyRepeats: before.emptyRepeats + after.emptyRepeats,
    canBeEmpty: before.canBeEmpty && after.canBeEmpty,
  };
}

function either(before: Part | undefined, after: Part): Part {
  if (before === undefined) return after;
  return { ...joined(before, after), canBeEmpty: before.canBeEmpty || after.canBeEmpty };
}

function repeated(part: Part | undefined, repetition: string): Part {
  if (part === undefined) throw new PatternError('Invalid preceding regular expression');
  const [least, most] = timesOf(repetition);
  // glibc writes x{n,} as n times x and one x*, so that each nested + doubles.
  const copies = most === Infinity ? least + 1 : Math.max(most, 1);
  const result = {
    expanded: part.expanded * copies,
    emptyRepeats: (part.emptyRepeats + (part.canBeEmpty ? 1 : 0)) * copies,
    canBeEmpty: part.canBeEmpty || least === 0,
  };
  checkBounds(result);
  return result;
}

/** How often at least and at most. */
function timesOf(repetition: string): readonly [number, number] {
  if (repetition === '?') return [0, 1];
  if (repetition === '*') return [0, Infinity];
  if (repetition === '+') return [1, Infinity];
  const [, least = '', comma = '', most = ''] = tokenAt(COUNTS, repetition, 0) ?? [];
  if (comma === '') return [Number(least), Number(least)];
  return [Number(least), most === '' ? Infinity : Number(most)];
}

function readCounts(pattern: string, at: number): string {
  const text = tokenAt(COUNTS, pattern, at)?.[0];
  if (text === undefined) throw new PatternError('Invalid content of \\{\\}');
  const [least, most] = timesOf(text);
  if (least > COUNT_MAX || (most > COUNT_MAX && most !== Infinity) || least > most) {
    throw new PatternError('Invalid content of \\{\\}');
  }
  return text;
}

function checkBounds({ expanded, emptyRepeats }: Part): void {
  if (expanded > EXPANDED_MAX) {
    throw new PatternError(`Too big: more than ${EXPANDED_MAX} characters with its repetitions written out`);
  }
  if (emptyRepeats > EMPTY_REPEATS_MAX) {
    throw new PatternError(`Too many repetitions of what may be empty: more than ${EMPTY_REPEATS_MAX}`);
  }
}

function tokenAt(token: RegExp, text: string, at: number): RegExpExecArray | undefined {
  token.lastIndex = at;
  return token.exec(text) ?? undefined;
}
