import type { SignatureTable, SpecialSubsignature, SubsignatureTable } from '../compiled-signatures.js';
import { SINGLE_EXPRESSION, type VariantTable } from '../compiled-signatures.js';
import type { BodyOffset } from '../model/body-pattern.js';
import type { Anchor, PartAnchors } from './part-anchors.js';
import { COUNT_BELOW, COUNT_EQUAL, NODE_AND, NODE_NUMBERS, NODE_SUBSIGNATURE } from './expression-code.js';

/** A part that is looked for at one place, or at a few next to each other. */
export interface PlacedPart {
  readonly part: number;
  readonly fileOffset: number;
  readonly maxShift: number;
}

/**
 * Anchors and placed parts of which at least one stands in every file that the signature matches. `bits` says how much
 * the commonest of them tells. None at all: it matches nothing.
 */
export interface Trigger {
  readonly anchors: readonly Anchor[];
  readonly placed: readonly PlacedPart[];
  readonly bits: number;
}

const NEVER: Trigger = { anchors: [], placed: [], bits: Number.POSITIVE_INFINITY };

/** A placed part costs one comparison a file: as good as an anchor that tells so much. */
const PLACED_BITS = 20;
/** Places that are tried one by one. */
const PLACED_SHIFT_MAX = 16;
/** What is placed lies in the first window of the file, with room to spare. */
const PLACED_OFFSET_MAX = 1 << 19;

/** What the choice looks at. */
export interface TriggerTables {
  readonly signatures: SignatureTable;
  readonly subsignatures: SubsignatureTable;
  readonly variants: VariantTable;
  readonly offsets: readonly BodyOffset[];
  readonly specials: ReadonlyMap<number, SpecialSubsignature>;
  readonly anchors: PartAnchors;
}

/** @returns undefined where the signature may match without any of its parts, so that every file has to be evaluated */
export function chooseTrigger(tables: TriggerTables, signature: number): Trigger | undefined {
  const { signatures } = tables;
  const first = signatures.firstSubsignatures[signature] ?? 0;
  const start = signatures.expressions[signature] ?? SINGLE_EXPRESSION;
  if (start === SINGLE_EXPRESSION) return triggerOfSubsignature(tables, first, first);
  return new TriggerChoice(tables, first).ofNode({ code: signatures.code, at: start });
}

/** A place in code that moves on as nodes are read. */
interface CodeReader {
  readonly code: Int32Array;
  at: number;
}

class TriggerChoice {
  readonly #tables: TriggerTables;
  readonly #firstSubsignature: number;

  constructor(tables: TriggerTables, firstSubsignature: number) {
    this.#tables = tables;
    this.#firstSubsignature = firstSubsignature;
  }

  ofNode(reader: CodeReader): Trigger | undefined {
    const { code, at } = reader;
    const kind = code[at] ?? 0;
    const operator = code[at + 1] ?? 0;
    const count = code[at + 2] ?? 0;
    const number = code[at + 4] ?? 0;
    reader.at += NODE_NUMBERS;
    // Satisfied by no match at all: nothing has to be there.
    const needsNothing = operator === COUNT_BELOW || (operator === COUNT_EQUAL && count === 0);
    if (kind === NODE_SUBSIGNATURE) {
      if (needsNothing) return undefined;
      return triggerOfSubsignature(this.#tables, this.#firstSubsignature, this.#firstSubsignature + number);
    }
    const operands: (Trigger | undefined)[] = [];
    for (let index = 0; index < number; index++) operands.push(this.ofNode(reader));
    if (needsNothing) return undefined;
    return kind === NODE_AND && operator === 0 ? rarest(operands) : anyOf(operands);
  }
}

function triggerOfSubsignature(
  tables: TriggerTables,
  firstSubsignature: number,
  subsignature: number,
): Trigger | undefined {
  const { specials } = tables;
  const special = specials.get(subsignature);
  switch (special?.kind) {
    case undefined:
      break;
    case 'pcre':
      return new TriggerChoice(tables, firstSubsignature).ofNode({ code: special.triggerCode, at: 0 });
    case 'byteCompare': {
      const trigger = firstSubsignature + special.trigger;
      return specials.has(trigger) ? NEVER : triggerOfSubsignature(tables, firstSubsignature, trigger);
    }
    case 'macro':
    case 'unsupported':
      return NEVER;
  }
  return anchored(tables, subsignature) ?? placed(tables, subsignature);
}

/** The anchors of all variants, unless a placed part does as well. */
function anchored(tables: TriggerTables, subsignature: number): Trigger | undefined {
  const { subsignatures, variants } = tables;
  const anchors: Anchor[] = [];
  let bits = Number.POSITIVE_INFINITY;
  const end = subsignatures.firstVariants[subsignature + 1] ?? 0;
  for (let variant = subsignatures.firstVariants[subsignature] ?? 0; variant < end; variant++) {
    const anchor = tables.anchors.rarestOf(
      variants.firstParts[variant] ?? 0,
      variants.firstParts[variant + 1] ?? 0,
    );
    if (anchor === undefined) return undefined;
    anchors.push(anchor);
    bits = Math.min(bits, anchor.bits);
  }
  return bits >= PLACED_BITS
    ? { anchors, placed: [], bits }
    : (placed(tables, subsignature) ?? { anchors, placed: [], bits });
}

function placed(
  { subsignatures, variants, offsets }: TriggerTables,
  subsignature: number,
): Trigger | undefined {
  const offset = offsets[subsignatures.offsets[subsignature] ?? 0];
  if (offset?.kind !== 'absolute') return undefined;
  const { fileOffset, maxShift } = offset;
  if (fileOffset > PLACED_OFFSET_MAX || maxShift > PLACED_SHIFT_MAX) return undefined;
  const parts: PlacedPart[] = [];
  const end = subsignatures.firstVariants[subsignature + 1] ?? 0;
  for (let variant = subsignatures.firstVariants[subsignature] ?? 0; variant < end; variant++)
    parts.push({ part: variants.firstParts[variant] ?? 0, fileOffset, maxShift });
  return { anchors: [], placed: parts, bits: PLACED_BITS };
}

/** All operands have to match: the anchors of any one of them will do. */
function rarest(operands: readonly (Trigger | undefined)[]): Trigger | undefined {
  let best: Trigger | undefined;
  for (const operand of operands) {
    if (operand !== undefined && (best === undefined || operand.bits > best.bits)) best = operand;
  }
  return best;
}

/** One of the operands has to match: the anchors of all of them are needed. */
function anyOf(operands: readonly (Trigger | undefined)[]): Trigger | undefined {
  const anchors: Anchor[] = [];
  const placedParts: PlacedPart[] = [];
  let bits = Number.POSITIVE_INFINITY;
  for (const operand of operands) {
    if (operand === undefined) return undefined;
    anchors.push(...operand.anchors);
    placedParts.push(...operand.placed);
    bits = Math.min(bits, operand.bits);
  }
  return {
    anchors,
    placed: placedParts,
    bits: bits - Math.log2(Math.max(1, anchors.length + placedParts.length)),
  };
}
