import type { ScanInput } from '../engine.js';
import type { NormaliseBudget } from './normalised-form.js';
import { ScriptNames } from './script-names.js';
import { scriptTokens, type ScriptToken } from './script-tokens.js';

/** A file with more script has no such form: it is made as a whole in memory. */
const SCRIPTS_MAX_BYTES = 4 * 1024 * 1024;
const BEGIN = Buffer.from('<script');
const START = '<script>';
const END = '</script>';

/**
 * The scripts of an HTML file (what `sigtool --html-normalise` writes as `javascript`): lower case, without white space
 * and comments that mean nothing, strings joined, and everything that a script declares called `n000`, `n001` and so on.
 * The unpackers of ClamAV (`eval(unescape(…))` and others) are not there.
 *
 * @returns undefined where there is none: no script, too large, out of time, or the input shrank.
 */
export function normaliseScripts(
  input: ScanInput,
  maxBytes: number,
  budget: NormaliseBudget,
): Uint8Array | undefined {
  if (input.sizeBytes > maxBytes || !budget.mayContinue()) return undefined;
  const view = input.read(0, input.sizeBytes);
  if (view.length < input.sizeBytes) return undefined;
  const all = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  // As in UTF-16, which thereby needs no rule of its own.
  const bytes = all.includes(0) ? Buffer.from(all.filter((byte) => byte !== 0)) : all;
  const scripts: string[] = [];
  let totalBytes = 0;
  for (const { start, end } of scriptElements(bytes)) {
    totalBytes += end - start;
    if (totalBytes > SCRIPTS_MAX_BYTES || !budget.mayContinue()) return undefined;
    const script = normaliseScript(bytes.toString('latin1', start, end), () => budget.mayContinue());
    if (script === undefined) return undefined;
    scripts.push(`${START}${script}${END}`);
  }
  return scripts.length === 0 ? undefined : Buffer.from(scripts.join('\n'), 'latin1');
}

/** The content of each `<script …>`, up to the next `</script` or the end. */
function* scriptElements(bytes: Buffer): Iterable<{ readonly start: number; readonly end: number }> {
  for (let at = nextTag(bytes, BEGIN, 0); at !== -1;) {
    const tagEnd = bytes.indexOf('>', at, 'latin1');
    if (tagEnd === -1) return;
    const found = nextTag(bytes, Buffer.from('</script'), tagEnd + 1);
    const end = found === -1 ? bytes.length : found;
    yield { start: tagEnd + 1, end };
    at = nextTag(bytes, BEGIN, end);
  }
}

/** The next tag in any case, with white space or `>` behind it. */
function nextTag(bytes: Buffer, tag: Buffer, start: number): number {
  for (let at = bytes.indexOf('<', start, 'latin1'); at !== -1; at = bytes.indexOf('<', at + 1, 'latin1')) {
    let length = 1;
    while (length < tag.length && isLetter(bytes[at + length], tag[length])) length += 1;
    const next = bytes[at + length];
    if (length === tag.length && (next === undefined || next === 0x3e || next <= 0x20)) return at;
  }
  return -1;
}

function isLetter(byte: number | undefined, lower: number | undefined): boolean {
  return byte === lower || (byte !== undefined && byte >= 0x41 && byte <= 0x5a && (byte | 0x20) === lower);
}

function normaliseScript(script: string, mayContinue: () => boolean): string | undefined {
  const tokens = scriptTokens(script, mayContinue);
  if (tokens === undefined) return undefined;
  const names = new ScriptNames();
  const pieces: string[] = [];
  let previous: ScriptToken | undefined;
  for (const token of joinStrings(tokens)) {
    names.take(token, previous);
    if (previous !== undefined && isWordLike(previous) && isWordLike(token)) pieces.push(' ');
    pieces.push(token.kind === 'string' ? `"${token.text}"` : token.text);
    previous = token;
  }
  return pieces.join('');
}

function isWordLike({ kind }: ScriptToken): boolean {
  return kind === 'word' || kind === 'number';
}

/** `'a' + "b"` is `"ab"`. */
function joinStrings(tokens: readonly ScriptToken[]): readonly ScriptToken[] {
  const joined: ScriptToken[] = [];
  for (const token of tokens) {
    const first = joined.at(-2);
    const isPlus = joined.at(-1)?.kind === 'mark' && joined.at(-1)?.text === '+';
    if (token.kind === 'string' && isPlus && first?.kind === 'string') {
      joined.pop();
      first.text += token.text;
    } else joined.push(token);
  }
  return joined;
}
