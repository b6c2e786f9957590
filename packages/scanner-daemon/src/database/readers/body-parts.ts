import type {
  BodyAlternative,
  BodyBoundary,
  BodyPart,
  BodyParts,
  MaskedBytes,
} from '../model/body-pattern.js';
import type { Alternates } from './body-alternates.js';
import { literalMasks } from './body-alternates.js';
import { bytesFromSlab } from './byte-slab.js';
import type { Gap } from './body-gaps.js';

const NO_ALTERNATIVES: readonly BodyAlternative[] = [];
const NO_BOUNDARIES: readonly BodyBoundary[] = [];
const NO_GAP: Gap = { minBytes: 0, maxBytes: 0 };

/** One way through the alternatives of several lengths: the parts that are done, and the one that grows. */
interface Form {
  readonly parts: BodyPart[];
  values: number[];
  masks: number[];
  alternatives: BodyAlternative[];
  boundaries: BodyBoundary[];
}

/** Collects positions into parts, and the parts into one variant for each combination of lengths. */
export class PartsBuilder {
  #forms: Form[] = [emptyForm()];
  #gap = NO_GAP;

  /** How many variants there are so far. */
  get variantCount(): number {
    return this.#forms.length;
  }

  /** Length of the longest unfinished part, in bytes. */
  get partLengthBytes(): number {
    let longest = 0;
    for (const { values } of this.#forms) longest = Math.max(longest, values.length);
    return longest;
  }

  /** Appends one position. */
  add(value: number, mask: number): void {
    for (const form of this.#forms) {
      form.values.push(value & mask);
      form.masks.push(mask);
    }
  }

  /** Appends one of several byte strings: every length beyond the first doubles, trebles… the variants. */
  addAlternates(alternates: Alternates, negated: boolean): void {
    const forms = this.#forms;
    this.#forms = alternates.groups.flatMap((options, index) =>
      forms.map((form) => {
        const copy = index === alternates.groups.length - 1 ? form : copyOf(form);
        appendOptions(copy, options, negated);
        return copy;
      }),
    );
  }

  /** Notes a boundary at the place reached. */
  addBoundary(kind: BodyBoundary['kind'], negated: boolean): void {
    for (const form of this.#forms) {
      form.boundaries.push({ partOffset: form.values.length, kind, negated });
    }
  }

  /** Forgets the positions of the part that has begun. */
  clearPart(): void {
    for (const form of this.#forms) {
      form.values.length = 0;
      form.masks.length = 0;
      form.alternatives = [];
    }
  }

  /** Ends the part; the next begins within `gap` behind it. */
  endPart(gap: Gap): void {
    for (const form of this.#forms) this.#closePart(form);
    this.#gap = gap;
  }

  /** Ends the last part. There is always one variant at least. */
  finish(): readonly [BodyParts, ...BodyParts[]] {
    this.endPart(NO_GAP);
    const [first, ...rest] = this.#forms.map(({ parts: [head, ...tail] }): BodyParts => {
      if (head === undefined) throw new RangeError('a body has at least one part');
      return [head, ...tail];
    });
    if (first === undefined) throw new RangeError('a body has at least one variant');
    return [first, ...rest];
  }

  #closePart(form: Form): void {
    form.parts.push({
      gapMinBytes: this.#gap.minBytes,
      gapMaxBytes: this.#gap.maxBytes,
      values: toBytes(form.values),
      masks: form.masks.every((mask) => mask === 0xff)
        ? literalMasks(form.masks.length)
        : toBytes(form.masks),
      alternatives: form.alternatives.length === 0 ? NO_ALTERNATIVES : form.alternatives,
      boundaries: form.boundaries.length === 0 ? NO_BOUNDARIES : form.boundaries,
    });
    form.values = [];
    form.masks = [];
    form.alternatives = [];
    form.boundaries = [];
  }
}

/** A body of one part, with nothing in it but bytes: nearly all are. */
export function onePart(bytes: MaskedBytes, boundaries: readonly BodyBoundary[]): BodyParts {
  return [
    {
      gapMinBytes: 0,
      gapMaxBytes: 0,
      values: bytes.values,
      masks: bytes.masks,
      alternatives: NO_ALTERNATIVES,
      boundaries: boundaries.length === 0 ? NO_BOUNDARIES : boundaries,
    },
  ];
}

function toBytes(numbers: readonly number[]): Uint8Array {
  const bytes = bytesFromSlab(numbers.length);
  for (let index = 0; index < numbers.length; index++) bytes[index] = numbers[index] ?? 0;
  return bytes;
}

function emptyForm(): Form {
  return { parts: [], values: [], masks: [], alternatives: [], boundaries: [] };
}

function copyOf(form: Form): Form {
  return {
    parts: [...form.parts],
    values: [...form.values],
    masks: [...form.masks],
    alternatives: [...form.alternatives],
    boundaries: [...form.boundaries],
  };
}

function appendOptions(form: Form, options: readonly MaskedBytes[], negated: boolean): void {
  const [first] = options;
  if (first === undefined) return;
  const lengthBytes = first.values.length;
  if (options.length === 1 && !negated) {
    form.values.push(...first.values);
    form.masks.push(...first.masks);
    return;
  }
  if (lengthBytes > 0) {
    form.alternatives.push({ partOffset: form.values.length, lengthBytes, negated, options });
  }
  for (let count = 0; count < lengthBytes; count++) {
    form.values.push(0);
    form.masks.push(0);
  }
}
