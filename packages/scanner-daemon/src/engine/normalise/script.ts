import type { ScanInput } from '../engine.js';
import type { NormaliseBudget } from './normalised-form.js';
import { ScriptNames } from './script-names.js';
import { scriptElements } from './script-elements.js';
import { scriptTokens, type ScriptToken } from './script-tokens.js';

/** A file with more script has no such form: it is made as a whole in memory. */
const SCRIPTS_MAX_BYTES = 4 * 1024 * 1024;
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

function normaliseScript(script: string, mayContinue: () => boolean): string | undefined {
  const tokens = scriptTokens(script, mayContinue);
  if (tokens === undefined) return undefined;
  const names = new ScriptNames();
  const joined = joinStrings(tokens);
  for (const [index, token] of joined.entries()) names.take(token, joined[index - 1]);
  names.finish();
  const pieces: string[] = [];
  let previous: ScriptToken | undefined;
  for (const token of joined) {
    if (previous !== undefined && isWordLike(previous) && isWordLike(token)) pieces.push(' ');
    pieces.push(token.kind === 'string' ? `"${token.text}"` : token.text);
    previous = token;
  }
  pieces.push(')'.repeat(openParentheses(tokens)));
  const normalised = pieces.join('');
  // Gone where it was cut into just these pieces: not with white space in it, or where `script` is a name.
  return normalised.endsWith(END) ? normalised.slice(0, -END.length) : normalised;
}

/** As many as are closed at the end (observed). */
function openParentheses(tokens: readonly ScriptToken[]): number {
  let open = 0;
  for (const { kind, text } of tokens) {
    if (kind !== 'mark') continue;
    if (text === '(') open += 1;
    if (text === ')' && open > 0) open -= 1;
  }
  return open;
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
