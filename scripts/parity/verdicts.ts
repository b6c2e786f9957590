import type { Answer } from './ask.js';
import type { ModeName } from './modes.js';

/** How the answers to one question compare. */
export type Comparison =
  | { readonly kind: 'alike' }
  /** The same words, and they are an error. */
  | { readonly kind: 'errorsAlike' }
  | { readonly kind: 'different'; readonly clamd: string; readonly ours: string };

/** Both daemons' answers. */
export interface AnswerPair {
  readonly clamd: Answer;
  readonly ours: Answer;
}

/**
 * Compares what follows the file's name (behaviour 1.4): the status and the names of signatures. Of ALLMATCHSCAN the set of
 * lines counts, of the others their order as well. No answer is like no other, not even like none.
 *
 * @param path - as the daemons were given it
 */
export function compareAnswers(mode: ModeName, path: string, { clamd, ours }: AnswerPair): Comparison {
  const theirs = verdictsOf(mode, path, clamd);
  const our = verdictsOf(mode, path, ours);
  const areAlike = clamd.kind === 'answered' && ours.kind === 'answered' && theirs === our;
  if (!areAlike) return { kind: 'different', clamd: theirs, ours: our };
  return clamd.lines.some((line) => line.endsWith(' ERROR')) ? { kind: 'errorsAlike' } : { kind: 'alike' };
}

function verdictsOf(mode: ModeName, path: string, answer: Answer): string {
  if (answer.kind === 'noAnswer') return `(${answer.why})`;
  const verdicts = answer.lines.map((line) => withoutName(mode, path, line));
  return (mode === 'allmatch' ? [...new Set(verdicts)].sort() : verdicts).join(' + ');
}

/** A line that begins otherwise than it should is kept whole. */
function withoutName(mode: ModeName, path: string, line: string): string {
  if (mode === 'fildes') return line.replace(/^fd\[[0-9]+\]: /, '');
  const name = mode === 'instream' ? 'stream: ' : `${path}: `;
  return line.startsWith(name) ? line.slice(name.length) : line;
}
