import { compilePcre, type PcreCompilation } from './pcre/compile-pcre.js';
import { PcreMachine } from './pcre/pcre-machine.js';
import type { PcreProgram } from './pcre/pcre-program.js';

/** What an expression is shown of a name: nobody has longer ones, and expressions may take their time. */
const FILE_NAME_MAX_BYTES = 1024;
const MATCH_LIMIT = 100_000;
/** Choices open at once: several for each byte of a name. */
const RECURSION_LIMIT = 16_384;
/** Of so many steps each as the machine takes between two looks at the time: some 20 ms in all. */
const REFUELS_MAX = 16;

/**
 * Compiles the expression for the file name of a `.cdb` line, as `translateExtendedRegex` gives it.
 *
 * @returns `unsupported` or `malformed` where it is too large for us.
 */
export function compileFileName(pattern: string, ignoresCase: boolean): PcreCompilation {
  return compilePcre(pattern, ignoresCase ? 'Ei' : 'E');
}

/**
 * Looks for such expressions in file names. Not with JavaScript's own, in which nothing bounds what an expression such as
 * `(a+)+$` makes of a name that somebody else has chosen. One a thread.
 */
export class FileNameSearch {
  readonly #machine = new PcreMachine();

  /** Where it would take too long the expression is not found. */
  isFound(program: PcreProgram, fileName: Uint8Array): boolean {
    let refuels = 0;
    const outcome = this.#machine.search(program, fileName.subarray(0, FILE_NAME_MAX_BYTES), 0, {
      matchLimit: MATCH_LIMIT,
      recursionLimit: RECURSION_LIMIT,
      mayContinue: () => ++refuels <= REFUELS_MAX,
    });
    return outcome === 'found';
  }
}
