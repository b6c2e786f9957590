import { messageOf } from '@portcullis/shared';
/** Only this much of a path is tested (behaviour 1.10). */
const TESTED_BYTES_MAX = 512;

const CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '\\x21-\\x7e',
  lower: 'a-z',
  print: '\\x20-\\x7e',
  punct: '\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e',
  space: ' \\t\\n\\v\\f\\r',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

export type ExcludePatterns =
  | { readonly kind: 'test'; readonly isExcluded: (path: Uint8Array) => boolean }
  | { readonly kind: 'refused'; readonly pattern: string; readonly reason: string };

/**
 * ExcludePath: POSIX extended regular expressions, case-sensitive, unanchored, over the bytes of the path. A pattern
 * that ends in `/` is tested against the path with a `/` behind it, that of a file too (behaviour 1.10).
 */
export function compileExcludePatterns(patterns: readonly string[]): ExcludePatterns {
  const compiled: { regExp: RegExp; wantsSlash: boolean }[] = [];
  for (const pattern of patterns) {
    try {
      const bytes = Buffer.from(pattern, 'utf8').toString('latin1');
      compiled.push({ regExp: new RegExp(toJavaScript(bytes)), wantsSlash: bytes.endsWith('/') });
    } catch (error) {
      return { kind: 'refused', pattern, reason: messageOf(error) };
    }
  }
  return {
    kind: 'test',
    isExcluded(path) {
      if (compiled.length === 0) return false;
      const text = Buffer.from(
        path.buffer,
        path.byteOffset,
        Math.min(path.byteLength, TESTED_BYTES_MAX),
      ).toString('latin1');
      return compiled.some(({ regExp, wantsSlash }) => regExp.test(wantsSlash ? `${text}/` : text));
    },
  };
}

/** The same expression in JavaScript's grammar. Bracket expressions are what differs: no escapes in them, and classes. */
function toJavaScript(pattern: string): string {
  let out = '';
  let at = 0;
  while (at < pattern.length) {
    const character = pattern.charAt(at);
    if (character === '\\') {
      const escaped = pattern.charAt(at + 1);
      if (escaped === '') throw new Error('Trailing backslash');
      // POSIX knows no letter escapes: `\d` is a `d`.
      out += /[A-Za-z0-9]/.test(escaped) ? escaped : `\\${escaped}`;
      at += 2;
    } else if (character === '[') {
      const bracket = readBracket(pattern, at);
      out += bracket.javaScript;
      at = bracket.end;
    } else {
      // JavaScript's `(?` and lazy `*?` mean something else; POSIX has no use for them.
      if (character === '?' && (out.endsWith('(') || /[*+?}]$/.test(pattern.slice(0, at)))) {
        throw new Error('Invalid preceding regular expression');
      }
      out += character;
      at += 1;
    }
  }
  return out;
}

function readBracket(pattern: string, start: number): { javaScript: string; end: number } {
  let at = start + 1;
  let body = '';
  const negated = pattern.charAt(at) === '^';
  if (negated) at += 1;
  for (let first = true; ; first = false) {
    const character = pattern.charAt(at);
    if (character === '') throw new Error('Unmatched [');
    if (character === ']' && !first) break;
    const className = character === '[' ? /^\[:([a-z]+):\]/.exec(pattern.slice(at, at + 12))?.[1] : undefined;
    if (className !== undefined) {
      const members = CLASSES[className];
      if (members === undefined) throw new Error('Invalid character class name');
      body += members;
      at += className.length + 4;
    } else {
      body += /[\\\][^]/.test(character) ? `\\${character}` : character;
      at += 1;
    }
  }
  return { javaScript: `[${negated ? '^' : ''}${body}]`, end: at + 1 };
}
