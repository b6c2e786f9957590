import {
  SINGLE_EXPRESSION,
  type AnchorTable,
  type CompiledSignatures,
  type SignatureFilter,
} from '../../database/compiled-signatures.js';
import type { TargetConditions } from '../../database/model/logical-signature.js';
import type { PcreOptions } from './engine-options.js';
import type { ExecutableLayout } from '../executables/executable-layout.js';
import type { ScanInput } from '../engine.js';
import type { ScanSubject } from './logical/scan-subject.js';
import { SignatureEvaluator } from './logical/signature-evaluator.js';
import type { InputWindow } from './matcher/input-window.js';
import { CORE_BYTES, readWindow } from './matcher/input-window.js';
import type { StartRange } from './matcher/offset-ranges.js';
import { TriggerPass } from './matcher/trigger-pass.js';
import { WindowReader } from './matcher/window-reader.js';
import type { WorkMeter } from './matcher/work-meter.js';

/** What body and logical signatures are looked for in. */
export interface SignatureSubject {
  readonly input: ScanInput;
  /** ClamAV target type whose signatures apply, beside those for any file; undefined: none apply at all. */
  readonly target: number | undefined;
  /** Headers of an executable, when asked for. */
  readonly layout: () => ExecutableLayout | undefined;
  /** `CL_TYPE_…` of what the input lies in, outermost first. */
  readonly containers: readonly string[];
  readonly meter: WorkMeter;
  /** Told of each stretch of the input, in order, while it is in memory. */
  readonly onWindow?: (window: InputWindow) => void;
  /** Whether a `HandlerType:CL_TYPE_…` makes another file of the input; without it, none does. */
  readonly isHandled?: (handlerType: string) => boolean;
}

/** How a scan for signatures ended. */
export interface SignatureMatches {
  /** False where the input became shorter than it said. */
  readonly isReadable: boolean;
  /** How much of the input was passed over. */
  readonly bytesScanned: number;
  /** Name ids of extended signatures, in the order of report. */
  readonly extended: readonly number[];
  /** Name ids of logical signatures, in the order of report. */
  readonly logical: readonly number[];
  readonly handler: HandlerMatch | undefined;
}

/** The signature that makes another file of the input, of several the first of the database (observed). It is not among {@link SignatureMatches.logical}. */
export interface HandlerMatch {
  readonly handlerType: string;
  /** How many of the logical signatures come before it. */
  readonly position: number;
}

const NOTHING_READ = { isReadable: false, extended: [], logical: [], handler: undefined };
const NO_ANCHORS: AnchorTable = {
  bitmapBits: 1,
  bitmap: new Uint32Array(),
  bucketBits: 1,
  bucketStarts: new Uint32Array(),
  words: new Int32Array(),
  nextWords: new Int32Array(),
  parts: new Uint32Array(),
  partOffsets: new Uint16Array(),
};
const NO_SIGNATURES: SignatureFilter = {
  wordBits: 1,
  wordBitmap: new Uint32Array(),
  long: NO_ANCHORS,
  short: NO_ANCHORS,
  dense: { ...NO_ANCHORS, trigramBits: 1, trigramBitmap: new Uint32Array() },
  placed: { parts: new Uint32Array(), fileOffsets: new Uint32Array(), firstBytes: new Uint16Array() },
  unanchored: new Uint32Array(),
};

/** Looks for all body and logical signatures in one input after the other. One a thread: it holds scratch memory. */
export class SignatureScan {
  readonly #compiled: CompiledSignatures;
  readonly #triggers: TriggerPass;
  readonly #evaluator: SignatureEvaluator;

  constructor(compiled: CompiledSignatures, pcre: PcreOptions) {
    this.#compiled = compiled;
    this.#triggers = new TriggerPass(compiled);
    this.#evaluator = new SignatureEvaluator(compiled, pcre);
  }

  scan(subject: SignatureSubject): SignatureMatches {
    const { input, meter, layout, containers } = subject;
    const filter = this.#filterOf(subject.target);
    const evaluated: ScanSubject = { reader: new WindowReader(input), meter, layout, containers };
    const rangesOf = (subsignature: number): readonly StartRange[] =>
      this.#evaluator.rangesOf(subsignature, evaluated);
    // Reading headers and version information later would take the memory of the window that is being passed over.
    if (input.sizeBytes > CORE_BYTES) layout()?.versionInfoOffsets.at(0);
    this.#triggers.begin({ filter, meter, sizeBytes: input.sizeBytes, rangesOf });
    let bytesScanned = 0;
    for (let core = 0; core < input.sizeBytes; core += CORE_BYTES) {
      const window = readWindow(input, core);
      if (window === undefined) return { ...NOTHING_READ, bytesScanned };
      this.#triggers.scanWindow(window);
      subject.onWindow?.(window);
      bytesScanned += window.coreEnd - window.coreStart;
      if (core + CORE_BYTES < input.sizeBytes) meter.check();
      if (meter.isStopped) break;
    }
    return this.#evaluate(evaluated, bytesScanned, subject.isHandled);
  }

  #filterOf(target: number | undefined): SignatureFilter {
    if (target === undefined) return NO_SIGNATURES;
    const filter = this.#compiled.filters[target] ?? this.#compiled.filters[0];
    if (filter === undefined) throw new Error('a compiled database has a filter for any target');
    return filter;
  }

  #evaluate(
    subject: ScanSubject,
    bytesScanned: number,
    isHandled: SignatureSubject['isHandled'],
  ): SignatureMatches {
    const { signatures } = this.#compiled;
    const hits = this.#triggers.hits.map(({ signature, inputOffset }) => ({
      signature,
      offset: inputOffset,
    }));
    for (const signature of this.#triggers.candidates) {
      if (subject.meter.isStopped || subject.reader.isUnreadable) break;
      const offset = this.#evaluator.evaluate(signature, subject);
      if (offset !== undefined) hits.push({ signature, offset });
    }
    hits.sort(
      (a, b) =>
        this.#rankOf(a.signature) - this.#rankOf(b.signature) ||
        a.offset - b.offset ||
        a.signature - b.signature,
    );
    const isExtended = ({ signature }: { readonly signature: number }): boolean =>
      signatures.expressions[signature] === SINGLE_EXPRESSION;
    const nameOf = ({ signature }: { readonly signature: number }): number =>
      signatures.nameIds[signature] ?? 0;
    const logical = hits.filter((hit) => !isExtended(hit));
    const handler = isHandled && this.#handlerOf(logical, isHandled);
    if (handler !== undefined) logical.splice(handler.position, 1);
    return {
      isReadable: !subject.reader.isUnreadable,
      bytesScanned,
      extended: hits.filter(isExtended).map(nameOf),
      logical: logical.map(nameOf),
      handler,
    };
  }

  #handlerOf(
    hits: readonly { readonly signature: number }[],
    isHandled: (handlerType: string) => boolean,
  ): HandlerMatch | undefined {
    let first: (HandlerMatch & { readonly signature: number }) | undefined;
    for (const [position, { signature }] of hits.entries()) {
      const handlerType = this.#conditionsOf(signature)?.handlerType;
      if (handlerType === undefined || !isHandled(handlerType)) continue;
      if (first === undefined || signature < first.signature) first = { handlerType, position, signature };
    }
    return first;
  }

  #conditionsOf(signature: number): TargetConditions | undefined {
    return this.#compiled.conditions[this.#compiled.signatures.conditions[signature] ?? 0];
  }

  /** clamscan reports a signature for the file's own type before one for any type. */
  #rankOf(signature: number): number {
    return this.#conditionsOf(signature)?.target === 0 ? 1 : 0;
  }
}
