/** A piece of a script: a word, a number, the content of a string, or one other character. */
export interface ScriptToken {
  readonly kind: 'word' | 'number' | 'string' | 'mark';
  text: string;
}

/** More pieces of one script are not made: it then has no form. */
const TOKENS_MAX = 1_000_000;

/** White space, and what is left out as if it were some (observed for each character). */
const SPACES = /[\0-\x20#@`\x7f-\xff]+/y;
/** The `u` of `\u0041` is left out (observed). */
const WORD = /(?:[A-Za-z_$]|\\u)(?:[\w$]|\\u)*/y;
/** No part of it is longer than {@link NUMBER_MAX_CHARACTERS}: a long row of digits is looked at once. */
const NUMBER = /\d{1,40}(?:\.\d{0,40})?(?:[eE][+-]?\d{1,40})?/y;
/** Tokens between two looks at the time. */
const TOKENS_A_LOOK = 1024;
const NUMBER_MAX_CHARACTERS = 40;
/** clamscan 1.4.6 takes a comment of one line to end at the first blank (observed). */
const LINE_COMMENT = /\/\/[^ \n]*/y;
/** What stands for the digits need not be some. */
const ESCAPE = /\\(?:x([^]{2})|u([^]{4})|([^]))/g;
const CONTROL_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', ' '],
  ['r', ' '],
  ['t', ' '],
  ['f', ' '],
  ['v', ' '],
  ['b', '\b'],
  ['0', '\x01'],
]);

/** Cuts a script (one character a byte) into pieces; undefined where there are too many, or the time is up. */
export function scriptTokens(script: string, mayContinue: () => boolean): ScriptToken[] | undefined {
  const tokens: ScriptToken[] = [];
  for (let at = 0; at < script.length;) {
    if (tokens.length === TOKENS_MAX) return undefined;
    if (tokens.length % TOKENS_A_LOOK === 0 && !mayContinue()) return undefined;
    const skipped = matchAt(SPACES, script, at) ?? commentAt(script, at);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    const { token, length } = tokenAt(script, at);
    at += length;
    // What might have gone on is lost (observed).
    if (at < script.length || !isOpenEnded(token, script)) tokens.push(token);
  }
  return tokens;
}

function isOpenEnded({ kind }: ScriptToken, script: string): boolean {
  return (kind === 'word' || kind === 'number') && !script.endsWith('\\');
}

function tokenAt(script: string, at: number): { readonly token: ScriptToken; readonly length: number } {
  const character = script.charAt(at);
  if (character === '"' || character === "'") return stringAt(script, at);
  const word = matchAt(WORD, script, at);
  if (word !== undefined) {
    const isFollowed = script.charAt(at + word.length) === '\\';
    return {
      token: { kind: 'word', text: word.replaceAll('\\u', '\\') },
      length: word.length + (isFollowed ? 1 : 0),
    };
  }
  // Observed: a word without letters, which may be declared.
  if (character === '\\') return { token: { kind: 'word', text: '' }, length: 1 };
  const number = matchAt(NUMBER, script, at)?.slice(0, NUMBER_MAX_CHARACTERS);
  if (number !== undefined)
    return { token: { kind: 'number', text: String(Number.parseFloat(number)) }, length: number.length };
  return { token: { kind: 'mark', text: character }, length: 1 };
}

function commentAt(script: string, at: number): string | undefined {
  if (script.charAt(at) !== '/') return undefined;
  if (script.charAt(at + 1) !== '*') return matchAt(LINE_COMMENT, script, at);
  const end = script.indexOf('*/', at + 2);
  return script.slice(at, end === -1 ? script.length : end + 2);
}

function stringAt(script: string, at: number): { readonly token: ScriptToken; readonly length: number } {
  const quote = script.charAt(at);
  let end = at + 1;
  while (end < script.length && script.charAt(end) !== quote) end += script.charAt(end) === '\\' ? 2 : 1;
  const content = script.slice(at + 1, end).replace(ESCAPE, unescape);
  const text = content.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()).replace(/[\t-\r]/g, ' ');
  return { token: { kind: 'string', text }, length: Math.min(end + 1, script.length) - at };
}

function unescape(_: string, two?: string, four?: string, character = ''): string {
  if (two !== undefined) return String.fromCharCode(codeOf(two, 0xff));
  if (four !== undefined)
    return Buffer.from(String.fromCharCode(codeOf(four, 0xffff)), 'utf8').toString('latin1');
  return CONTROL_ESCAPES.get(character) ?? character;
}

/** The number that the digits at the end make up, never 0; `otherwise` where there are none (observed). */
function codeOf(digits: string, otherwise: number): number {
  const last = /[0-9a-fA-F]*$/.exec(digits)?.[0] ?? '';
  return last === '' ? otherwise : Math.max(Number.parseInt(last, 16), 1);
}

/** What the sticky expression matches right at `at`. */
function matchAt(expression: RegExp, text: string, at: number): string | undefined {
  expression.lastIndex = at;
  return expression.exec(text)?.[0];
}
