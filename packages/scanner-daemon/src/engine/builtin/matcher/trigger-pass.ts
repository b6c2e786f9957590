import {
  ANY_BYTE,
  SINGLE_EXPRESSION,
  type AnchorTable,
  type CompiledSignatures,
  type SignatureFilter,
} from '../../../database/compiled-signatures.js';
import { passAnchors } from './anchor-pass.js';
import type { InputWindow } from './input-window.js';
import { partFits, partLength, partSpace, type PartSpace } from './match-part.js';
import type { StartRange } from './offset-ranges.js';
import type { WorkMeter } from './work-meter.js';

/** What one input is passed over with. */
export interface TriggerScan {
  readonly filter: SignatureFilter;
  readonly meter: WorkMeter;
  readonly sizeBytes: number;
  /** Where a subsignature may begin. */
  readonly rangesOf: (subsignature: number) => readonly StartRange[];
}

/** A signature that matches: one part is all it has, and that stands at `inputOffset`. */
export interface TriggerHit {
  readonly signature: number;
  readonly inputOffset: number;
}

/**
 * Finds the signatures that match or may match: those of whose anchors one stands in the input, in its whole part.
 * Holds the scratch memory of one thread; used for one input at a time: {@link begin}, {@link scanWindow} for each
 * window in order, then {@link hits} and {@link candidates}.
 */
export class TriggerPass {
  readonly #compiled: CompiledSignatures;
  /** The number of the last input that a signature was noted for. */
  readonly #notedIn: Uint32Array;
  #inputNumber = 0;
  #scan: TriggerScan | undefined;
  #space: PartSpace | undefined;
  #spaceOffset = 0;
  /** Of signatures that need several: the subsignatures of which a part was met. */
  readonly #met = new Map<number, Set<number>>();
  #candidates: number[] = [];
  #hits: TriggerHit[] = [];

  constructor(compiled: CompiledSignatures) {
    this.#compiled = compiled;
    this.#notedIn = new Uint32Array(compiled.signatures.nameIds.length);
  }

  begin(scan: TriggerScan): void {
    if (this.#inputNumber === 0xffffffff) {
      this.#notedIn.fill(0);
      this.#inputNumber = 0;
    }
    this.#inputNumber++;
    this.#scan = scan;
    this.#candidates = [...scan.filter.unanchored];
    this.#hits = [];
    this.#met.clear();
  }

  scanWindow(window: InputWindow): void {
    const scan = this.#scan;
    if (scan === undefined) return;
    const { filter } = scan;
    this.#space = partSpace(window, scan.sizeBytes);
    this.#spaceOffset = window.inputOffset;
    if (window.inputOffset === 0) this.#tryPlaced(filter);
    passAnchors(filter, window, this.#onEntry);
    this.#space = undefined;
  }

  /** Signatures that match, in the order in which they were met. */
  get hits(): readonly TriggerHit[] {
    return this.#hits;
  }

  /** Signatures that are to be evaluated, in the order in which they were met. */
  get candidates(): readonly number[] {
    return this.#candidates;
  }

  readonly #onEntry = (table: AnchorTable, entry: number, bytesOffset: number): boolean => {
    const part = table.parts[entry] ?? 0;
    this.#tryPart(part, bytesOffset - (table.partOffsets[entry] ?? 0));
    return this.#scan?.meter.isStopped === false;
  };

  #tryPlaced({ placed }: SignatureFilter): void {
    const space = this.#space;
    if (space === undefined) return;
    for (let index = 0; index < placed.parts.length; index++) {
      const fileOffset = placed.fileOffsets[index] ?? 0;
      if (fileOffset >= space.lengthBytes) return;
      const firstByte = placed.firstBytes[index];
      if (firstByte !== ANY_BYTE && firstByte !== space.bytes[fileOffset]) continue;
      this.#tryPart(placed.parts[index] ?? 0, fileOffset);
    }
  }

  #tryPart(part: number, at: number): void {
    const scan = this.#scan;
    const space = this.#space;
    if (scan === undefined || space === undefined) return;
    const { variants, subsignatures, signatures, parts } = this.#compiled;
    const variant = parts.variants[part] ?? 0;
    const subsignature = variants.subsignatures[variant] ?? 0;
    const signature = subsignatures.signatures[subsignature] ?? 0;
    if (this.#notedIn[signature] === this.#inputNumber) return;
    const needed = signatures.triggersNeeded[signature] ?? 1;
    if (needed > 1 && this.#met.get(signature)?.has(subsignature) === true) return;
    scan.meter.spend(partLength(parts, part));
    if (!partFits(this.#compiled, part, space, at)) return;
    if (needed > 1 && this.#countMet(signature, subsignature) < needed) return;
    const isWhole =
      signatures.expressions[signature] === SINGLE_EXPRESSION &&
      (variants.firstParts[variant + 1] ?? 0) - (variants.firstParts[variant] ?? 0) === 1;
    if (isWhole) {
      const inputOffset = this.#spaceOffset + at;
      const isPlace = scan
        .rangesOf(subsignature)
        .some(({ first, last }) => inputOffset >= first && inputOffset <= last);
      if (!isPlace) return;
      this.#hits.push({ signature, inputOffset });
    } else this.#candidates.push(signature);
    this.#notedIn[signature] = this.#inputNumber;
  }

  #countMet(signature: number, subsignature: number): number {
    const met = this.#met.get(signature) ?? new Set();
    this.#met.set(signature, met.add(subsignature));
    return met.size;
  }
}
