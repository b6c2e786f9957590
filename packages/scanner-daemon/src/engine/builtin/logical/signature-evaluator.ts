import type { CompiledSignatures, SpecialSubsignature } from '../../../database/compiled-signatures.js';
import { SINGLE_EXPRESSION } from '../../../database/compiled-signatures.js';
import type { BodyOffset } from '../../../database/model/body-pattern.js';
import { byteCompareHolds } from '../byte-compare.js';
import { UNPACKED_SIZE_MAX_BYTES } from '../../scan-budget.js';
import { startRanges, type StartRange } from '../matcher/offset-ranges.js';
import { searchVariant } from '../matcher/pattern-search.js';
import type { PcreOptions } from '../engine-options.js';
import { PcreMatcher, pcreRangeOf, type PcreOutcome, type PcreRange } from '../pcre/pcre-matcher.js';
import { evaluateExpression } from './evaluate-expression.js';
import type { ScanSubject } from './scan-subject.js';
import { conditionsHold } from './target-conditions.js';

const ANYWHERE: BodyOffset = { kind: 'any' };

/** What a subsignature came to in one file. */
interface SubsignatureMatches {
  readonly count: number;
  /** Matches beyond this were not looked for. */
  readonly limit: number;
  /** Where the first and the last of them stand. */
  readonly firstOffset: number;
  readonly lastOffset: number;
}

/** More matches than any signature asks for. */
const COUNT_MAX = 1_000_000;
const NOT_FOUND = { count: 0, firstOffset: 0, lastOffset: 0 };

/** Says whether one signature matches one file, whatever brought it up. One a thread. */
export class SignatureEvaluator {
  readonly #compiled: CompiledSignatures;
  readonly #specials: ReadonlyMap<number, SpecialSubsignature>;
  readonly #pcre = new PcreMatcher();
  readonly #pcreOptions: PcreOptions;

  constructor(compiled: CompiledSignatures, pcreOptions: PcreOptions) {
    this.#compiled = compiled;
    this.#specials = new Map(compiled.specials);
    this.#pcreOptions = pcreOptions;
  }

  /** Where a subsignature may begin in a file. */
  rangesOf(subsignature: number, subject: ScanSubject): readonly StartRange[] {
    const { subsignatures, offsets } = this.#compiled;
    const offset = offsets[subsignatures.offsets[subsignature] ?? 0] ?? ANYWHERE;
    return startRanges(offset, subject.reader.input.sizeBytes, subject.layout);
  }

  /** @returns where its first subsignature stands (0 where that does not), or undefined where it does not match */
  evaluate(signature: number, subject: ScanSubject): number | undefined {
    const { signatures, conditions } = this.#compiled;
    const condition = conditions[signatures.conditions[signature] ?? 0];
    if (condition !== undefined && !conditionsHold(condition, subject)) return undefined;
    const evaluation = new Evaluation(
      {
        compiled: this.#compiled,
        specials: this.#specials,
        pcre: this.#pcre,
        pcreOptions: this.#pcreOptions,
        subject,
      },
      signatures.firstSubsignatures[signature] ?? 0,
    );
    const start = signatures.expressions[signature] ?? SINGLE_EXPRESSION;
    const holds =
      start === SINGLE_EXPRESSION
        ? evaluation.count(0, 1) > 0
        : evaluateExpression(signatures.code, start, evaluation.count);
    return holds ? evaluation.firstOffset : undefined;
  }
}

interface EvaluationContext {
  readonly compiled: CompiledSignatures;
  readonly specials: ReadonlyMap<number, SpecialSubsignature>;
  readonly pcre: PcreMatcher;
  readonly pcreOptions: PcreOptions;
  readonly subject: ScanSubject;
}

/** One signature on one file. Remembers what was searched. */
class Evaluation {
  readonly #context: EvaluationContext;
  readonly #firstSubsignature: number;
  readonly #known = new Map<number, SubsignatureMatches>();

  constructor(context: EvaluationContext, firstSubsignature: number) {
    this.#context = context;
    this.#firstSubsignature = firstSubsignature;
  }

  get firstOffset(): number {
    return this.#known.get(0)?.firstOffset ?? 0;
  }

  /** See `CountMatches`. */
  readonly count = (subsignature: number, limit: number): number => this.#matches(subsignature, limit).count;

  #matches(subsignature: number, limit: number): SubsignatureMatches {
    const known = this.#known.get(subsignature);
    if (known !== undefined && (known.limit >= limit || known.count < known.limit)) return known;
    const matches = { ...this.#search(subsignature, limit), limit };
    this.#known.set(subsignature, matches);
    return matches;
  }

  #search(subsignature: number, limit: number): Omit<SubsignatureMatches, 'limit'> {
    const { specials } = this.#context;
    const special = specials.get(this.#firstSubsignature + subsignature);
    return special === undefined
      ? this.#searchBody(this.#firstSubsignature + subsignature, limit)
      : this.#searchSpecial(special);
  }

  #searchBody(subsignature: number, limit: number): Omit<SubsignatureMatches, 'limit'> {
    const { compiled, subject } = this.#context;
    const { subsignatures } = compiled;
    const offset = compiled.offsets[subsignatures.offsets[subsignature] ?? 0] ?? ANYWHERE;
    let count = 0;
    let firstOffset = 0;
    let lastOffset = 0;
    const end = subsignatures.firstVariants[subsignature + 1] ?? 0;
    for (const range of this.#rangesOf(offset)) {
      for (let variant = subsignatures.firstVariants[subsignature] ?? 0; variant < end; variant++) {
        if (count >= limit || subject.meter.isStopped) return { count, firstOffset, lastOffset };
        const { reader, meter } = subject;
        const found = searchVariant({ compiled, reader, meter }, variant, range, limit - count);
        if (found.count > 0 && (count === 0 || found.firstOffset < firstOffset))
          firstOffset = found.firstOffset;
        if (found.count > 0) lastOffset = Math.max(lastOffset, found.lastOffset);
        count += found.count;
      }
    }
    return { count, firstOffset, lastOffset };
  }

  #searchSpecial(special: SpecialSubsignature): Omit<SubsignatureMatches, 'limit'> {
    const { subject } = this.#context;
    switch (special.kind) {
      case 'unsupported':
      case 'macro':
        return NOT_FOUND;
      case 'byteCompare': {
        // The last match of the trigger counts (observed).
        const { count, lastOffset } = this.#matches(special.trigger, COUNT_MAX);
        const holds = count > 0 && byteCompareHolds(special, subject.reader.input, lastOffset);
        return { count: holds ? 1 : 0, firstOffset: lastOffset, lastOffset };
      }
      case 'pcre': {
        if (!evaluateExpression(special.triggerCode, 0, this.count)) return NOT_FOUND;
        const outcome = this.#matchPcre(special);
        return outcome.kind === 'matched' ? outcome : NOT_FOUND;
      }
    }
  }

  #matchPcre(special: Extract<SpecialSubsignature, { kind: 'pcre' }>): PcreOutcome {
    const { subject, pcre, pcreOptions } = this.#context;
    const { input } = subject.reader;
    const { matchLimit, recursionLimit, maxFileSizeBytes } = pcreOptions;
    // 0 is no limit; the file is read whole all the same.
    if (input.sizeBytes > (maxFileSizeBytes > 0 ? maxFileSizeBytes : UNPACKED_SIZE_MAX_BYTES))
      return { kind: 'limit' };
    const range = pcreRangeOf(special.offset, input.sizeBytes) ?? pcreRange(this.#rangesOf(special.offset));
    return pcre.match(special, input.read(0, input.sizeBytes), range, {
      ...{ matchLimit, recursionLimit },
      mayContinue: () => {
        subject.meter.check();
        return !subject.meter.isStopped;
      },
    });
  }

  #rangesOf(offset: BodyOffset): readonly StartRange[] {
    const { subject } = this.#context;
    return startRanges(offset, subject.reader.input.sizeBytes, subject.layout);
  }
}

/** The offset of an expression that is relative to the parts of an executable. */
function pcreRange([range]: readonly StartRange[]): PcreRange {
  if (range === undefined || range.first < 0) return { kind: 'nowhere' };
  return { kind: 'from', fileOffset: range.first, maxShiftBytes: range.last - range.first };
}
