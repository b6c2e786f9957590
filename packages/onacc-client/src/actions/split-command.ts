import { ActionError } from './action-error.js';

const WORDS_MAX = 1_000;

/**
 * The words of a command. Blanks separate them; what stands between `'…'` or `"…"` is taken as it is, blanks included, and
 * a quote of the other kind in it is nothing special. There is no escape, no variable, no pattern: no shell reads this.
 *
 * @throws ActionError BAD_COMMAND for a quote without end, for no word at all and for a NUL.
 */
export function splitCommand(text: string): { program: string; args: string[] } {
  if (text.includes('\0')) throw new ActionError('BAD_COMMAND', 'a command cannot hold a NUL character');
  const words: string[] = [];
  let word: string | undefined;
  let rest = text;
  while (rest !== '') {
    const [piece = '', blanks, single, double, plain] =
      /^(?:([ \t\n\r]+)|'([^']*)'|"([^"]*)"|([^ \t\n\r'"]+))/.exec(rest) ?? [];
    if (piece === '') throw new ActionError('BAD_COMMAND', `a quote without end: ${rest}`);
    rest = rest.slice(piece.length);
    if (blanks === undefined) {
      word = (word ?? '') + (single ?? double ?? plain ?? '');
      continue;
    }
    if (word !== undefined) words.push(word);
    word = undefined;
  }
  if (word !== undefined) words.push(word);
  const [program, ...args] = words;
  if (program === undefined || program === '') throw new ActionError('BAD_COMMAND', 'there is no command');
  if (words.length > WORDS_MAX) throw new ActionError('BAD_COMMAND', `more than ${WORDS_MAX} words`);
  return { program, args };
}
