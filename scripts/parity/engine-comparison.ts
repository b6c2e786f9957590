import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { messageOf } from '@portcullis/shared';
import type { ProcessKeeper } from '../bench/process-keeper.js';
import { prepareSignatures } from '../bench/signatures.js';
import { ParityError } from './parity-error.js';

/** Comparisons of the built-in engine, without the daemon, with clamscan. */
const comparisonNames = ['generated', 'hashes', 'lines', 'tree', 'testfiles'] as const;
export type ComparisonName = (typeof comparisonNames)[number];

/** Printed by `--help` after what there is to say of the daemons. */
export const comparisonUsage = `
       pnpm parity generated [--database DIRECTORY] [--signatures PATH] [--sample N] [--joined N] [--only EXPRESSION]
                             [--near-misses EVERY] [--mutants N] [--answers DIRECTORY] [--keep DIRECTORY] [--report FILE]
       pnpm parity hashes    [--sample N]
       pnpm parity lines     [--signatures PATH] [--sample N] [--seed N] [--report FILE]
       pnpm parity tree      [--database DIRECTORY] [--sample N] [TREE...]
       pnpm parity testfiles

Compares our engine with clamscan: files made for signatures, mutated signature lines, files of a tree, Debian's test files.
The README beside the source explains the options.`;

const program = 'packages/scanner-daemon/dist/test/parity/main.js';

/** The comparison that a command line begins with; undefined where it asks for the daemons to be compared. */
export function comparisonNamed(argument: string | undefined): ComparisonName | undefined {
  return comparisonNames.find((name) => name === argument);
}

/**
 * The arguments of the program that compares.
 *
 * @param database - what is loaded where the command line names nothing
 */
export function comparisonArguments(
  name: ComparisonName,
  given: readonly string[],
  database: string,
): readonly string[] {
  const namesDatabase = given.some((argument) => /^--database(=|$)/.test(argument));
  const trees = name === 'tree' && given.every((argument) => argument.startsWith('--')) ? ['/usr'] : [];
  return [
    name,
    ...(namesDatabase || name === 'testfiles' || name === 'hashes' ? [] : ['--database', database]),
    ...given,
    ...trees,
  ];
}

/** What a run of one needs. */
export interface ComparisonRun {
  readonly keeper: ProcessKeeper;
  /** A directory of ours for the signatures. */
  readonly directory: string;
  readonly repositoryRoot: string;
  readonly signal: AbortSignal;
}

/**
 * Runs the comparison with our standard output.
 *
 * @returns 0: no difference; 1: some
 * @throws ParityError PARITY_NOT_READY where it failed; BenchError BENCH_CHILD_FAILED
 */
export async function runComparison(
  name: ComparisonName,
  given: readonly string[],
  { keeper, directory, repositoryRoot, signal }: ComparisonRun,
): Promise<number> {
  const signatures = await prepareSignatures(keeper, directory, { repositoryRoot, choice: 'all' });
  const child = spawn(
    process.execPath,
    [join(repositoryRoot, program), ...comparisonArguments(name, given, signatures.directory)],
    { stdio: ['ignore', 'inherit', 'inherit'], signal },
  );
  try {
    await once(child, 'exit');
    const code = child.exitCode;
    if (code === 0 || code === 1) return code;
    throw new ParityError('PARITY_NOT_READY', `the comparison ended with ${String(code)}`);
  } catch (cause) {
    if (cause instanceof ParityError) throw cause;
    throw new ParityError(signal.aborted ? 'PARITY_INTERRUPTED' : 'PARITY_NOT_READY', messageOf(cause), {
      cause,
    });
  }
}
