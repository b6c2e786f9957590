import { ALL_BYTES, foldCase, NOT_NEWLINE, setOf, shorthandSet } from './byte-set.js';
import { parseClass } from './parse-class.js';
import { parseByteEscape, parseOctal } from './parse-escape.js';
import { PatternCursor } from './pattern-cursor.js';
import {
  PcreSyntaxError,
  type ParsedPcre,
  type PcreAssertion,
  type PcreNode,
  type RepeatMode,
} from './pcre-syntax.js';

/** The option letters that change what an expression means: of `i m s x U E`, and `n` by `(?n)`. */
export type PcreOptions = ReadonlySet<string>;

const REPEAT_MAX = 65_535;
const NOTHING_TO_REPEAT = 'quantifier does not follow a repeatable item';
/** Of brackets, as in PCRE. */
const NESTING_MAX = 250;
/** What PCRE has behind `(?`, `(?(` and `\p`, and this engine has not. */
const UNSUPPORTED_GROUP = /(?:R|[-+]?\d+|&\w+|P>\w+)\)|\||C/y;
const UNSUPPORTED_CONDITION = /R&|\?C|VERSION|\*/y;
const PROPERTY = /[CLMNPSZ]|[^A-Z\d]/iy;
const EMPTY: PcreNode = { kind: 'sequence', items: [] };
const ESCAPED_ASSERTIONS: ReadonlyMap<string, PcreAssertion> = new Map([
  ['A', 'subjectStart'],
  ['z', 'subjectEnd'],
  ['Z', 'lastLineEnd'],
  ['b', 'wordBoundary'],
  ['B', 'notWordBoundary'],
  ['G', 'searchStart'],
]);

/**
 * Parses an expression in PCRE2's syntax, without UTF.
 *
 * @throws {PcreSyntaxError} where PCRE would refuse it, or this engine does not know it.
 */
export function parsePcre(pattern: string, options: PcreOptions): ParsedPcre {
  const counted = new PcreParser(pattern, 0).parse(options);
  // `\12` is a back reference only where there are so many groups, which is known at the end.
  if (counted.groupCount < 10) return counted;
  return new PcreParser(pattern, counted.groupCount).parse(options);
}

class PcreParser {
  readonly #cursor: PatternCursor;
  readonly #knownGroupCount: number;
  readonly #groupsByName = new Map<string, number>();
  #groupCount = 0;
  #nesting = 0;
  #options: PcreOptions = new Set();

  constructor(pattern: string, knownGroupCount: number) {
    this.#cursor = new PatternCursor(pattern);
    this.#knownGroupCount = knownGroupCount;
  }

  parse(options: PcreOptions): ParsedPcre {
    this.#options = options;
    this.#leadingVerbs();
    const root = this.#alternation();
    if (!this.#cursor.isAtEnd) throw new PcreSyntaxError('unmatched closing parenthesis');
    return { root, groupCount: this.#groupCount, groupsByName: this.#groupsByName };
  }

  /** What can be left out: UTF would need another engine. */
  #leadingVerbs(): void {
    const harmless = /\(\*(?:NO_JIT|NO_START_OPT|NO_AUTO_POSSESS|NO_DOTSTAR_ANCHOR|LF|LIMIT_[A-Z]+=\d+)\)/y;
    while (this.#cursor.takeMatch(harmless) !== undefined);
  }

  #alternation(): PcreNode {
    // The expression itself stands in none.
    if (this.#nesting++ > NESTING_MAX) throw new PcreSyntaxError('parentheses are too deeply nested');
    const outerOptions = this.#options;
    const branches = [this.#sequence()];
    while (this.#cursor.take('|')) branches.push(this.#sequence());
    this.#options = outerOptions;
    this.#nesting--;
    const [only] = branches;
    return branches.length === 1 && only !== undefined ? only : { kind: 'alternation', branches };
  }

  #sequence(): PcreNode {
    const items: PcreNode[] = [];
    for (;;) {
      this.#skipIgnored();
      const next = this.#cursor.peek();
      if (next === '' || next === '|' || next === ')') break;
      if (this.#cursor.take('\\Q')) {
        items.push(...this.#quoted());
        continue;
      }
      if (this.#cursor.take('\\E')) continue;
      const atom = this.#atom();
      if (atom !== undefined) items.push(this.#repeated(atom));
    }
    const [only] = items;
    return items.length === 1 && only !== undefined ? only : { kind: 'sequence', items };
  }

  /** Comments, and in extended mode blanks. */
  #skipIgnored(): void {
    for (;;) {
      if (this.#cursor.take('(?#')) this.#cursor.takeUntil(')');
      else if (!this.#options.has('x') || this.#cursor.takeMatch(/[\t-\r ]+|#[^\n]*\n?/y) === undefined)
        return;
    }
  }

  /** `\Q…\E`, whose end may be that of the expression; the last character may be repeated. */
  #quoted(): PcreNode[] {
    const text = this.#cursor.takeMatch(/[^]*?(?=\\E|$)/y)?.[0] ?? '';
    this.#cursor.take('\\E');
    const nodes = Array.from(text, (character) => this.#literal(character.charCodeAt(0)));
    const last = nodes.pop();
    if (last !== undefined) nodes.push(this.#repeated(last));
    return nodes;
  }

  #literal(byte: number): PcreNode {
    const set = setOf(byte & 0xff, byte & 0xff);
    return { kind: 'set', set: this.#options.has('i') ? foldCase(set) : set };
  }

  /** Undefined for what only sets options. */
  #atom(): PcreNode | undefined {
    const character = this.#cursor.next();
    switch (character) {
      case '(':
        return this.#parenthesis();
      case '[':
        return { kind: 'set', set: parseClass(this.#cursor, this.#options.has('i')) };
      case '.':
        return { kind: 'set', set: this.#options.has('s') ? ALL_BYTES : NOT_NEWLINE };
      case '^':
        return { kind: 'assertion', what: this.#options.has('m') ? 'lineStart' : 'subjectStart' };
      case '$':
        return { kind: 'assertion', what: this.#dollar() };
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw new PcreSyntaxError(NOTHING_TO_REPEAT);
      case '{':
        if (this.#cursor.takeMatch(/\d+(?:,\d*)?\}/y) !== undefined)
          throw new PcreSyntaxError(NOTHING_TO_REPEAT);
        return this.#literal(0x7b);
      default:
        return this.#literal(character.charCodeAt(0));
    }
  }

  #dollar(): PcreAssertion {
    if (this.#options.has('m')) return 'lineEnd';
    return this.#options.has('E') ? 'subjectEnd' : 'lastLineEnd';
  }

  #escape(): PcreNode {
    const byte = parseByteEscape(this.#cursor);
    if (byte !== undefined) return this.#literal(byte);
    const reference = this.#backreference();
    if (reference !== undefined) return reference;
    const letter = this.#cursor.next();
    const assertion = ESCAPED_ASSERTIONS.get(letter);
    if (assertion !== undefined) return { kind: 'assertion', what: assertion };
    const set = shorthandSet(letter);
    if (set !== undefined) return { kind: 'set', set };
    if (letter === 'N') return { kind: 'set', set: NOT_NEWLINE };
    if (letter === 'C') return { kind: 'set', set: ALL_BYTES };
    if (letter === 'K') return { kind: 'keep' };
    if (letter === 'R') return anyNewline();
    const isProperty = letter.toLowerCase() === 'p' && cursorHas(this.#cursor, PROPERTY);
    throw new PcreSyntaxError(`\\${letter}`, isProperty || /[Xg]/.test(letter));
  }

  #backreference(): PcreNode | undefined {
    const caseless = this.#options.has('i');
    const named = this.#cursor.takeMatch(/k(?:\{(\w+)\}|<(\w+)>|'(\w+)')|g\{([A-Za-z_]\w*)\}/y);
    if (named !== undefined) {
      const group = named[1] ?? named[2] ?? named[3] ?? named[4] ?? '';
      return { kind: 'backreference', group, caseless };
    }
    const numbered = this.#cursor.takeMatch(/g\{?([-+]?\d+)\}?/y);
    if (numbered !== undefined)
      return { kind: 'backreference', group: this.#groupNumber(numbered[1] ?? ''), caseless };
    const digits = this.#cursor.takeMatch(/(?=([1-9]\d*))/y)?.[1];
    if (digits === undefined) return undefined;
    const group = Number(digits);
    // With an 8 or 9 in front it cannot be octal, and PCRE does not take it for digits either.
    if (group >= 10 && group > this.#knownGroupCount && !/^[89]/.test(digits))
      return this.#literal(parseOctal(this.#cursor));
    this.#cursor.take(digits);
    return { kind: 'backreference', group, caseless };
  }

  /** `3`, or relative to here: `-1` is the group opened last. */
  #groupNumber(text: string): number {
    const value = Number(text);
    if (text.startsWith('-')) return this.#groupCount + 1 + value;
    return text.startsWith('+') ? this.#groupCount + value : value;
  }

  #parenthesis(): PcreNode | undefined {
    const cursor = this.#cursor;
    if (cursor.peek() === '*') throw new PcreSyntaxError('a (*VERB)', true);
    if (!cursor.take('?')) return this.#options.has('n') ? this.#closed() : this.#capturing();
    // Kept as a group: a repeated group costs tries and depth where a repeated byte costs none.
    if (cursor.take(':')) return { kind: 'sequence', items: [this.#closed()] };
    if (cursor.take('>')) return { kind: 'atomic', body: this.#closed() };
    const look = cursor.takeMatch(/<?[=!]/y)?.[0];
    if (look !== undefined)
      return {
        kind: 'look',
        behind: look.startsWith('<'),
        negated: look.endsWith('!'),
        body: this.#closed(),
      };
    const name = cursor.takeMatch(/P?<([A-Za-z_]\w{0,31})>|'([A-Za-z_]\w{0,31})'/y);
    if (name !== undefined) return this.#capturing(name[1] ?? name[2]);
    const reference = cursor.takeMatch(/P=(\w+)\)/y)?.[1];
    if (reference !== undefined)
      return { kind: 'backreference', group: reference, caseless: this.#options.has('i') };
    if (cursor.take('(')) return this.#conditional();
    return this.#optionSetting();
  }

  #capturing(name?: string): PcreNode {
    const index = ++this.#groupCount;
    if (name !== undefined) {
      if (this.#groupsByName.has(name)) throw new PcreSyntaxError('two named subpatterns have the same name');
      this.#groupsByName.set(name, index);
    }
    return { kind: 'group', index, body: this.#closed() };
  }

  #closed(): PcreNode {
    const body = this.#alternation();
    if (!this.#cursor.take(')')) throw new PcreSyntaxError('missing closing parenthesis');
    return body;
  }

  #conditional(): PcreNode {
    const look = this.#cursor.takeMatch(/\?(<?[=!])/y)?.[1];
    if (look !== undefined) {
      const condition = this.#closed();
      const [yes, no] = this.#branches();
      const behind = look.startsWith('<');
      const test = (negated: boolean): PcreNode => ({ kind: 'look', behind, negated, body: condition });
      const isNegated = look.endsWith('!');
      return {
        kind: 'alternation',
        branches: [
          { kind: 'sequence', items: [test(isNegated), yes] },
          { kind: 'sequence', items: [test(!isNegated), no] },
        ],
      };
    }
    const found = this.#cursor.takeMatch(/(?:([-+]?\d+)|<(\w+)>|'(\w+)'|([A-Za-z_]\w*))\)/y);
    const bareName = found?.[4];
    if (found === undefined)
      throw new PcreSyntaxError(
        'assertion expected after (?(',
        cursorHas(this.#cursor, UNSUPPORTED_CONDITION),
      );
    if (/^(?:R\d*|DEFINE|VERSION)$/.test(bareName ?? '')) throw new PcreSyntaxError('this condition', true);
    const number = found[1];
    const group = number === undefined ? (found[2] ?? found[3] ?? bareName ?? '') : this.#groupNumber(number);
    const [yes, no] = this.#branches();
    return { kind: 'conditional', group, yes, no };
  }

  #branches(): [PcreNode, PcreNode] {
    const body = this.#closed();
    if (body.kind !== 'alternation') return [body, EMPTY];
    if (body.branches.length > 2)
      throw new PcreSyntaxError('conditional subpattern contains more than two branches');
    return [body.branches[0] ?? EMPTY, body.branches[1] ?? EMPTY];
  }

  /** `(?i)`, `(?i-s)`, `(?^)`, `(?i:…)`. */
  #optionSetting(): PcreNode | undefined {
    const found = this.#cursor.takeMatch(/(\^?)([imsxnUJ]*)(?:-([imsxnUJ]*))?([:)])/y);
    if (found === undefined)
      throw new PcreSyntaxError(
        'unrecognized character after (?',
        cursorHas(this.#cursor, UNSUPPORTED_GROUP),
      );
    const outer = this.#options;
    const changed = new Set(outer);
    if (found[1] === '^') for (const letter of 'imsxn') changed.delete(letter);
    for (const letter of found[2] ?? '') changed.add(letter);
    for (const letter of found[3] ?? '') changed.delete(letter);
    this.#options = changed;
    if (found[4] === ')') return undefined;
    const body = this.#closed();
    this.#options = outer;
    return { kind: 'sequence', items: [body] };
  }

  /** One quantifier at most: a second is refused as one that follows nothing. */
  #repeated(atom: PcreNode): PcreNode {
    this.#skipIgnored();
    const bounds = this.#quantifier();
    if (bounds === undefined) return atom;
    if (atom.kind === 'assertion') throw new PcreSyntaxError(NOTHING_TO_REPEAT);
    const [min, max] = bounds;
    if (max < min) throw new PcreSyntaxError('numbers out of order in {} quantifier');
    if (min > REPEAT_MAX || (max > REPEAT_MAX && max !== Infinity))
      throw new PcreSyntaxError('number too big in {} quantifier');
    return { kind: 'repeat', body: atom, min, max, mode: this.#repeatMode() };
  }

  #quantifier(): readonly [number, number] | undefined {
    if (this.#cursor.take('*')) return [0, Infinity];
    if (this.#cursor.take('+')) return [1, Infinity];
    if (this.#cursor.take('?')) return [0, 1];
    const counted = this.#cursor.takeMatch(/\{(\d+)(?:(,)(\d*))?\}/y);
    if (counted === undefined) return undefined;
    const min = Number(counted[1]);
    if (counted[2] === undefined) return [min, min];
    return [min, counted[3] === '' ? Infinity : Number(counted[3])];
  }

  #repeatMode(): RepeatMode {
    this.#skipIgnored();
    if (this.#cursor.take('+')) return 'possessive';
    return this.#cursor.take('?') !== this.#options.has('U') ? 'lazy' : 'greedy';
  }
}

function cursorHas(cursor: PatternCursor, sticky: RegExp): boolean {
  return cursor.takeMatch(sticky) !== undefined;
}

function anyNewline(): PcreNode {
  const byte = (value: number): PcreNode => ({ kind: 'set', set: setOf(value, value) });
  const single: PcreNode = { kind: 'set', set: setOf(10, 13, 0x85, 0x85) };
  const pair: PcreNode = { kind: 'sequence', items: [byte(13), byte(10)] };
  return { kind: 'atomic', body: { kind: 'alternation', branches: [pair, single] } };
}
