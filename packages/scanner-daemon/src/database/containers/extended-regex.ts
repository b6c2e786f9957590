/** Bounds of `{n,m}` in the expressions that clamd takes (observed: 256 is refused). */
const REPEAT_MAX = 255;
const HYPHEN = 0x2d;
const SPECIAL = /[\\^$.*+?()[\]{}|/]/;

/** A translated expression: one in the syntax that PCRE and JavaScript have in common, over latin1 characters. */
export interface TranslatedRegex {
  readonly source: string;
  readonly ignoresCase: boolean;
}

/**
 * Translates a POSIX extended regular expression, as `.cdb` lines have it, by the rules of the matcher in clamd
 * (acceptance observed line by line): `\x` is x for every x, `*` first in an expression is no operator but an error, a brace
 * that no digit follows is itself, `(?i)` in front ignores case. Of the named characters (`[.space.]`) none is known.
 *
 * @returns undefined for what clamd refuses.
 */
export function translateExtendedRegex(text: string): TranslatedRegex | undefined {
  const ignoresCase = text.startsWith('(?i)');
  const source = new Translation(ignoresCase ? text.slice(4) : text).run();
  return source === undefined ? undefined : { source, ignoresCase };
}

/** Brackets in brackets; PCRE, too, has such a bound. */
const DEPTH_MAX = 250;

/** What was translated last, and so what an operator would repeat. */
type Last = 'nothing' | 'anchor' | 'atom' | 'repeated';

class Translation {
  readonly #text: string;
  #position = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): string | undefined {
    return this.#text === '' ? undefined : this.#alternatives();
  }

  #alternatives(): string | undefined {
    const branches: string[] = [];
    for (;;) {
      const branch = this.#branch();
      if (branch === undefined || branch === '') return undefined;
      branches.push(branch);
      if (this.#text[this.#position] !== '|') return branches.join('|');
      this.#position++;
    }
  }

  #branch(): string | undefined {
    let source = '';
    let last: Last = 'nothing';
    while (this.#position < this.#text.length) {
      const character = this.#text[this.#position] ?? '';
      if (character === '|' || (character === ')' && this.#depth > 0)) break;
      const piece: string | undefined = this.#isRepeat(character)
        ? this.#repeat(character, last)
        : this.#atom(character);
      if (piece === undefined) return undefined;
      last = this.#isRepeatPiece(piece, character) ? 'repeated' : character === '^' ? 'anchor' : 'atom';
      source += piece;
    }
    return source;
  }

  #isRepeat(character: string): boolean {
    if (character === '{') return /[0-9]/.test(this.#text[this.#position + 1] ?? '');
    return character === '*' || character === '+' || character === '?';
  }

  #isRepeatPiece(piece: string, character: string): boolean {
    return piece !== '' && '*+?{'.includes(character) && piece.startsWith(character);
  }

  #repeat(character: string, last: Last): string | undefined {
    if (last === 'nothing' || last === 'anchor') return undefined;
    const isBounds = character === '{';
    // Bounds may follow bounds of another atom only.
    if (last === 'repeated') return undefined;
    this.#position++;
    if (!isBounds) return character;
    const found = /^(\d{1,6})(?:(,)(\d{1,6})?)?\}/.exec(
      this.#text.slice(this.#position, this.#position + 16),
    );
    if (found === null) return undefined;
    const [whole, from = '', comma, to] = found;
    const min = Number(from);
    const max = to === undefined ? (comma === undefined ? min : REPEAT_MAX) : Number(to);
    if (min > REPEAT_MAX || max > REPEAT_MAX || min > max || max === 0) return undefined;
    this.#position += whole.length;
    return to === undefined && comma !== undefined ? `{${min},}` : `{${min},${max}}`;
  }

  #atom(character: string): string | undefined {
    this.#position++;
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return this.#bracket();
      case '\\': {
        const literal = this.#text[this.#position++];
        return literal === undefined ? undefined : literalOf(literal);
      }
      case '^':
        return '^';
      case '$':
        // In a group, so that it may be repeated.
        return '(?:$)';
      case '.':
        return '[\\x00-\\xff]';
      default:
        return literalOf(character);
    }
  }

  #group(): string | undefined {
    if (this.#text[this.#position] === ')') {
      this.#position++;
      return '(?:)';
    }
    if (this.#depth >= DEPTH_MAX) return undefined;
    this.#depth++;
    const inner = this.#alternatives();
    this.#depth--;
    if (inner === undefined || this.#text[this.#position] !== ')') return undefined;
    this.#position++;
    return `(?:${inner})`;
  }

  #bracket(): string | undefined {
    const negates = this.#text[this.#position] === '^';
    if (negates) this.#position++;
    const members = new Set<number>();
    for (let isFirst = true; ; isFirst = false) {
      const character = this.#text[this.#position];
      if (character === undefined) return undefined;
      if (character === ']' && !isFirst) break;
      if (!this.#addRange(members)) return undefined;
    }
    this.#position++;
    const classSource = [...members].map((code) => `\\x${code.toString(16).padStart(2, '0')}`).join('');
    return negates ? `[^${classSource}]` : `[${classSource}]`;
  }

  #addRange(members: Set<number>): boolean {
    const start = this.#bracketCharacter();
    if (start === undefined) return false;
    const isRange = this.#text[this.#position] === '-' && this.#text[this.#position + 1] !== ']';
    if (!isRange) {
      members.add(start);
      return true;
    }
    if (start === HYPHEN) return false;
    this.#position++;
    const end = this.#bracketCharacter();
    if (end === undefined || signed(start) > signed(end)) return false;
    for (let code = signed(start); code <= signed(end); code++) members.add(code & 0xff);
    // `[a-c-e]` is an error.
    return this.#text[this.#position] !== '-' || this.#text[this.#position + 1] === ']';
  }

  #bracketCharacter(): number | undefined {
    const collating = /^\[([.=])(.)\1\]/s.exec(this.#text.slice(this.#position, this.#position + 5));
    if (collating !== null) {
      this.#position += 5;
      return collating[2]?.charCodeAt(0);
    }
    if (/^\[[.=]/.test(this.#text.slice(this.#position, this.#position + 2))) return undefined;
    return this.#position < this.#text.length ? this.#text.charCodeAt(this.#position++) : undefined;
  }
}

/** Ranges go by signed bytes in clamd. */
function signed(code: number): number {
  return code < 0x80 ? code : code - 0x100;
}

function literalOf(character: string): string {
  return SPECIAL.test(character) ? `\\${character}` : character;
}
