import {
  NO_MASKS,
  UNBOUNDED_GAP,
  type AlternativeTable,
  type BoundaryTable,
  type PartTable,
  type VariantTable,
} from '../compiled-signatures.js';
import { UNBOUNDED, type BodyAlternative, type BodyPart, type BodyParts } from '../model/body-pattern.js';
import { boundaryRule } from './boundaries.js';
import { ByteList, startingAtZero, Uint32List } from './growable-lists.js';
import { longestRun } from './literal-runs.js';

/** The tables that {@link PatternStore} makes. */
export interface PatternTables {
  readonly variants: VariantTable;
  readonly parts: PartTable;
  readonly alternatives: AlternativeTable;
  readonly boundaries: BoundaryTable;
}

/** Takes body patterns apart into growing arrays, so that no object of theirs has to live until the end. */
export class PatternStore {
  readonly #variantSubsignatures = new Uint32List();
  readonly #firstParts = startingAtZero();

  readonly #partVariants = new Uint32List();
  readonly #gapMins = new Uint32List();
  readonly #gapMaxes = new Uint32List();
  readonly #partStarts = startingAtZero();
  readonly #values = new ByteList();
  readonly #maskStarts = new Uint32List();
  readonly #masks = new ByteList();
  readonly #runOffsets = new Uint32List();
  readonly #runLengths = new Uint32List();
  readonly #runIsFolded = new ByteList();
  readonly #firstAlternatives = startingAtZero();
  readonly #firstBoundaries = startingAtZero();

  readonly #alternativeOffsets = new Uint32List();
  readonly #alternativeLengths = new Uint32List();
  readonly #alternativeNegated = new ByteList();
  readonly #optionStarts = startingAtZero();
  readonly #optionValues = new ByteList();
  readonly #optionMasks = new ByteList();

  readonly #boundaryOffsets = new Uint32List();
  readonly #boundaryRules = new ByteList();

  /** How many variants there are. */
  get variantCount(): number {
    return this.#variantSubsignatures.length;
  }

  addVariant(subsignature: number, parts: BodyParts): void {
    const variant = this.variantCount;
    this.#variantSubsignatures.push(subsignature);
    for (const part of parts) this.#addPart(variant, part);
    this.#firstParts.push(this.#partVariants.length);
  }

  finish(): PatternTables {
    return {
      variants: { subsignatures: this.#variantSubsignatures.shared(), firstParts: this.#firstParts.shared() },
      parts: {
        variants: this.#partVariants.shared(),
        gapMins: this.#gapMins.shared(),
        gapMaxes: this.#gapMaxes.shared(),
        starts: this.#partStarts.shared(),
        values: this.#values.shared(),
        maskStarts: this.#maskStarts.shared(),
        masks: this.#masks.shared(),
        runOffsets: this.#runOffsets.shared16(),
        runLengths: this.#runLengths.shared16(),
        runIsFolded: this.#runIsFolded.shared(),
        firstAlternatives: this.#firstAlternatives.shared(),
        firstBoundaries: this.#firstBoundaries.shared(),
      },
      alternatives: {
        partOffsets: this.#alternativeOffsets.shared16(),
        lengths: this.#alternativeLengths.shared16(),
        negated: this.#alternativeNegated.shared(),
        optionStarts: this.#optionStarts.shared(),
        values: this.#optionValues.shared(),
        masks: this.#optionMasks.shared(),
      },
      boundaries: {
        partOffsets: this.#boundaryOffsets.shared16(),
        rules: this.#boundaryRules.shared(),
      },
    };
  }

  #addPart(variant: number, part: BodyPart): void {
    const run = longestRun(part);
    this.#partVariants.push(variant);
    this.#gapMins.push(part.gapMinBytes);
    this.#gapMaxes.push(part.gapMaxBytes === UNBOUNDED ? UNBOUNDED_GAP : part.gapMaxBytes);
    this.#runOffsets.push(run.partOffset);
    this.#runLengths.push(run.lengthBytes);
    this.#runIsFolded.push(run.isFolded ? 1 : 0);
    if (run.lengthBytes === part.masks.length && !run.isFolded) {
      this.#maskStarts.push(NO_MASKS);
      this.#values.append(part.values);
    } else {
      this.#maskStarts.push(this.#masks.length);
      this.#masks.append(part.masks);
      this.#values.append(part.values);
    }
    this.#partStarts.push(this.#values.length);
    for (const alternative of part.alternatives) this.#addAlternative(alternative);
    this.#firstAlternatives.push(this.#alternativeOffsets.length);
    for (const boundary of part.boundaries) {
      this.#boundaryOffsets.push(boundary.partOffset);
      this.#boundaryRules.push(boundaryRule(boundary));
    }
    this.#firstBoundaries.push(this.#boundaryOffsets.length);
  }

  #addAlternative({ partOffset, lengthBytes, negated, options }: BodyAlternative): void {
    this.#alternativeOffsets.push(partOffset);
    this.#alternativeLengths.push(lengthBytes);
    this.#alternativeNegated.push(negated ? 1 : 0);
    for (const { values, masks } of options) {
      this.#optionValues.append(values.map((value, index) => value & (masks[index] ?? 0)));
      this.#optionMasks.append(masks);
    }
    this.#optionStarts.push(this.#optionValues.length);
  }
}
