import type { BodyOffset } from '../../../database/model/body-pattern.js';
import type { PcreSubsignature } from '../../../database/model/logical-signature.js';
import { compilePcre, type PcreCompilation } from './compile-pcre.js';
import { PcreMachine, type PcreSearchLimits } from './pcre-machine.js';
import type { PcreProgram } from './pcre-program.js';

/** Where the expression may be found: anywhere, nowhere, or from an offset on. */
export type PcreRange =
  | { readonly kind: 'any' }
  | { readonly kind: 'nowhere' }
  /** With a `maxShiftBytes` of 0 only at the offset, unless the subsignature has flag `r`. */
  | { readonly kind: 'from'; readonly fileOffset: number; readonly maxShiftBytes: number };

/** What came of one PCRE subsignature. */
export type PcreOutcome =
  | {
      readonly kind: 'matched';
      /** 1, or with flag `g` how many matches follow each other without overlap. */
      readonly count: number;
      /** Where the first and the last begin, from the start of the file. */
      readonly firstOffset: number;
      readonly lastOffset: number;
    }
  | { readonly kind: 'none' }
  /** PCREMatchLimit, PCRERecMatchLimit or the time was met: it counts as no match (observed). */
  | { readonly kind: 'limit' }
  | { readonly kind: 'malformed' | 'unsupported'; readonly reason: string };

/** Compiled expressions that a thread keeps. */
const CACHE_MAX = 4096;
/** Matches of one subsignature with flag `g`; a count beyond this is asked by no signature. */
const COUNT_MAX = 1_000_000;

/**
 * The range of a subsignature's offset in a file, for the offsets that need no executable.
 *
 * @returns undefined for the others, which the caller resolves: to `from`, or to `nowhere` where there is no such place.
 */
export function pcreRangeOf(offset: BodyOffset, sizeBytes: number): PcreRange | undefined {
  if (offset.kind === 'any') return { kind: 'any' };
  if (offset.kind === 'absolute')
    return { kind: 'from', fileOffset: offset.fileOffset, maxShiftBytes: offset.maxShift };
  if (offset.kind !== 'fromEnd') return undefined;
  const fileOffset = sizeBytes - offset.fromEnd;
  // One byte before the file is "anywhere" to clamscan, with any shift; further before it is nowhere (observed).
  if (fileOffset === -1) return { kind: 'any' };
  if (fileOffset < 0) return { kind: 'nowhere' };
  return { kind: 'from', fileOffset, maxShiftBytes: offset.maxShift };
}

/** Runs PCRE subsignatures. Belongs to one thread; compiles each expression at its first use. */
export class PcreMatcher {
  readonly #machine = new PcreMachine();
  readonly #compiled = new Map<string, PcreCompilation>();

  /**
   * Looks for the expression in a file. Whether its trigger is true is the caller's business.
   *
   * @param bytes - the whole file, as it is scanned: the normalised form where that is what the target asks for.
   */
  match(
    subsignature: Pick<PcreSubsignature, 'pattern' | 'flags'>,
    bytes: Uint8Array,
    range: PcreRange,
    limits: PcreSearchLimits,
  ): PcreOutcome {
    const { pattern, flags } = subsignature;
    const compilation = this.#compilation(pattern, flags, isAnchoredBy(range, flags));
    if (compilation.kind !== 'program') return compilation;
    if (range.kind === 'nowhere') return { kind: 'none' };
    const start = range.kind === 'from' ? range.fileOffset : 0;
    const maxShiftBytes = range.kind === 'from' ? range.maxShiftBytes : 0;
    if (start >= bytes.length) return { kind: 'none' };
    // The expression sees nothing before the offset: `^` holds there and a look-behind finds nothing (observed).
    const end = flags.includes('e') && maxShiftBytes > 0 ? start + maxShiftBytes : bytes.length;
    return this.#search(compilation.program, bytes.subarray(start, end), limits, {
      offset: start,
      lastStart: maxShiftBytes > 0 ? maxShiftBytes : Infinity,
      isGlobal: flags.includes('g'),
    });
  }

  #search(
    program: PcreProgram,
    subject: Uint8Array,
    limits: PcreSearchLimits,
    { offset, lastStart, isGlobal }: SearchPlan,
  ): PcreOutcome {
    const machine = this.#machine;
    let count = 0;
    let first = 0;
    let last = 0;
    for (let from = 0; from <= subject.length && count < COUNT_MAX;) {
      const outcome = machine.search(program, subject, from, limits);
      if (outcome === 'limit' && count === 0) return { kind: 'limit' };
      if (outcome !== 'found' || machine.matchStart > lastStart) break;
      last = offset + machine.matchStart;
      if (count === 0) first = last;
      count++;
      if (!isGlobal) break;
      // clamscan never ends where a match is empty; here the search goes on one byte further.
      from = machine.matchEnd > from ? machine.matchEnd : from + 1;
    }
    if (count === 0) return { kind: 'none' };
    return { kind: 'matched', count, firstOffset: first, lastOffset: last };
  }

  #compilation(pattern: string, flags: string, isAnchored: boolean): PcreCompilation {
    const compileFlags = isAnchored ? `${flags}A` : flags;
    const key = `${compileFlags}/${pattern}`;
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    if (this.#compiled.size >= CACHE_MAX) this.#compiled.clear();
    const compilation = compilePcre(pattern, compileFlags);
    this.#compiled.set(key, compilation);
    return compilation;
  }
}

interface SearchPlan {
  readonly offset: number;
  /** The last place in the subject where a match may begin. */
  readonly lastStart: number;
  readonly isGlobal: boolean;
}

function isAnchoredBy(range: PcreRange, flags: string): boolean {
  return range.kind === 'from' && range.maxShiftBytes === 0 && !flags.includes('r');
}
