import type { SignatureTable, SpecialSubsignature, SubsignatureTable } from '../compiled-signatures.js';
import { SINGLE_EXPRESSION, type VariantTable } from '../compiled-signatures.js';
import type { BodyOffset } from '../model/body-pattern.js';
import type { Anchor, PartAnchors } from './part-anchors.js';
import { COUNT_BELOW, COUNT_EQUAL, NODE_AND, NODE_NUMBERS, NODE_SUBSIGNATURE } from './expression-code.js';

/** A part that is looked for at one place, or at a few next to each other. */
export interface PlacedPart {
  readonly part: number;
  /** From the start of the file, in bytes: {@link PLACED_OFFSET_MAX} at most. */
  readonly fileOffset: number;
  /** How many places behind it count too: {@link PLACED_SHIFT_MAX} at most. */
  readonly maxShift: number;
}

/** Anchors and placed parts of which some stand in every file that the signature matches. None at all: it matches nothing. */
export interface Trigger {
  readonly anchors: readonly Anchor[];
  readonly placed: readonly PlacedPart[];
  /** Of how many different subsignatures: 1 to 64. */
  readonly needed: number;
  /** How much the commonest of them tells. */
  readonly bits: number;
  /** Where all of it is of one subsignature. */
  readonly subsignature: number | undefined;
}

const NEVER: Trigger = {
  anchors: [],
  placed: [],
  needed: 1,
  bits: Number.POSITIVE_INFINITY,
  subsignature: undefined,
};

/** A placed part costs one comparison a file: as good as an anchor that tells so much. */
const PLACED_BITS = 20;
/** Places that are tried one by one. */
const PLACED_SHIFT_MAX = 16;
/** A trigger that tells so much is as good as any: it is hardly ever met by chance. */
const RARE_BITS = 40;
/** Subsignatures that are looked for together where none of them is rare. */
const TOGETHER_MAX = 3;
/** What is looked for together has to tell so much: not every program has it. */
const TOGETHER_BITS_MIN = 16;
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
  return new TriggerChoice(tables, first).ofRoot({ code: signatures.code, at: start });
}

/** A place in code that moves on as nodes are read. */
interface CodeReader {
  readonly code: Int32Array;
  at: number;
}

interface Operand {
  readonly trigger: Trigger | undefined;
  /** As how many different subsignatures it counts, at the most. */
  readonly distinctMax: number;
}

/** A node of an expression: one that is settled, or a group of them that has to be chosen from. */
type TriggerNode =
  | { readonly kind: 'single'; readonly trigger: Trigger | undefined }
  | {
      readonly kind: 'group';
      readonly isAnd: boolean;
      readonly operands: readonly Operand[];
      /** How many different subsignatures have to match; 0 and 1 alike. */
      readonly distinct: number;
    };

class TriggerChoice {
  readonly #tables: TriggerTables;
  readonly #firstSubsignature: number;

  constructor(tables: TriggerTables, firstSubsignature: number) {
    this.#tables = tables;
    this.#firstSubsignature = firstSubsignature;
  }

  /** For a whole signature, which may need several subsignatures together. */
  ofRoot(reader: CodeReader): Trigger | undefined {
    const root = this.#read(reader);
    if (root.kind === 'single') return root.trigger;
    const { operands, distinct } = root;
    return root.isAnd ? allOf(operands) : (someTogether(operands, distinct) ?? anyOf(operands, distinct));
  }

  ofNode(reader: CodeReader): Trigger | undefined {
    const node = this.#read(reader);
    if (node.kind === 'single') return node.trigger;
    return node.isAnd ? rarest(node.operands) : anyOf(node.operands, node.distinct);
  }

  /** Reads a node, and chooses for what is below it. */
  #read(reader: CodeReader): TriggerNode {
    const { code, at } = reader;
    const kind = code[at] ?? 0;
    const operator = code[at + 1] ?? 0;
    const count = code[at + 2] ?? 0;
    const distinct = code[at + 3] ?? 0;
    const number = code[at + 4] ?? 0;
    reader.at += NODE_NUMBERS;
    // Satisfied by no match at all: nothing has to be there.
    const needsNothing = operator === COUNT_BELOW || (operator === COUNT_EQUAL && count === 0);
    if (kind === NODE_SUBSIGNATURE) {
      const subsignature = this.#firstSubsignature + number;
      const trigger = needsNothing
        ? undefined
        : triggerOfSubsignature(this.#tables, this.#firstSubsignature, subsignature);
      return { kind: 'single', trigger };
    }
    const operands: Operand[] = [];
    for (let index = 0; index < number; index++) {
      const operandAt = reader.at;
      const trigger = this.ofNode(reader);
      operands.push({ trigger, distinctMax: (reader.at - operandAt) / NODE_NUMBERS });
    }
    if (needsNothing) return { kind: 'single', trigger: undefined };
    return { kind: 'group', isAnd: kind === NODE_AND, operands, distinct };
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
  const trigger = { anchors, placed: [], needed: 1, bits, subsignature };
  return bits >= PLACED_BITS ? trigger : (placed(tables, subsignature) ?? trigger);
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
  return { anchors: [], placed: parts, needed: 1, bits: PLACED_BITS, subsignature };
}

/** All operands have to match: any one of them will do. */
function rarest(operands: readonly Operand[]): Trigger | undefined {
  let best: Trigger | undefined;
  for (const { trigger } of operands) {
    if (trigger !== undefined && (best === undefined || trigger.bits > best.bits)) best = trigger;
  }
  return best;
}

/** The same for a whole signature: where the rarest is not rare, two or three together. */
function allOf(operands: readonly Operand[]): Trigger | undefined {
  const best = rarest(operands);
  if (best === undefined || best.bits >= RARE_BITS || best.subsignature === undefined) return best;
  const chosen = new Map<number, Trigger>();
  let bits = 0;
  for (const single of operands.flatMap(({ trigger }) => trigger ?? []).sort((a, b) => b.bits - a.bits)) {
    if (bits >= RARE_BITS || chosen.size === TOGETHER_MAX || single.bits < TOGETHER_BITS_MIN) break;
    if (single.subsignature === undefined || chosen.has(single.subsignature)) continue;
    chosen.set(single.subsignature, single);
    bits += single.bits;
  }
  return chosen.size < 2 ? best : merge([...chosen.values()], chosen.size);
}

/**
 * One of the operands has to match: all of them are looked for. Of `(0|1|2)>2,2` two have to match, and so one of any two: the
 * commonest may be left out.
 */
function anyOf(operands: readonly Operand[], distinct: number): Trigger | undefined {
  const some = withoutCommonest(operands, distinct - 1);
  return some.includes(undefined)
    ? undefined
    : merge(
        some.flatMap((trigger) => trigger ?? []),
        1,
      );
}

/** As few as may be are left out; of the others, so many have to be met together. */
function someTogether(operands: readonly Operand[], distinct: number): Trigger | undefined {
  for (let leftOut = 0; leftOut < distinct - 1; leftOut++) {
    const some = withoutCommonest(operands, leftOut);
    if (areSingles(some)) return merge(some, distinct - leftOut);
  }
  return undefined;
}

/** The triggers without those of the commonest operands, which count `distinctMax` different subsignatures at the most. */
function withoutCommonest(
  operands: readonly Operand[],
  distinctMax: number,
): readonly (Trigger | undefined)[] {
  const triggers = operands.map(({ trigger }) => trigger);
  if (distinctMax <= 0) return triggers;
  const bitsOf = ({ trigger }: Operand): number => trigger?.bits ?? Number.NEGATIVE_INFINITY;
  const byBits = [...operands].sort((a, b) => bitsOf(a) - bitsOf(b));
  let left = distinctMax;
  const first = byBits.findIndex((operand) => (left -= operand.distinctMax) < 0);
  // None is left: they could not make up so many all together.
  return first === -1 ? [] : byBits.slice(first).map(({ trigger }) => trigger);
}

/** Whether each is of one subsignature, and each of another one, and worth being looked for. */
function areSingles(triggers: readonly (Trigger | undefined)[]): triggers is readonly Trigger[] {
  const subsignatures = new Set(triggers.map((trigger) => trigger?.subsignature));
  return (
    !subsignatures.has(undefined) &&
    subsignatures.size === triggers.length &&
    triggers.every((trigger) => trigger !== undefined && trigger.bits >= TOGETHER_BITS_MIN)
  );
}

/** Several triggers as one, `needed` of which have to be there. */
function merge(triggers: readonly Trigger[], needed: number): Trigger {
  const commonest = Math.min(...triggers.map(({ bits }) => bits));
  return {
    anchors: triggers.flatMap(({ anchors }) => anchors),
    placed: triggers.flatMap(({ placed: parts }) => parts),
    needed,
    bits: commonest - Math.log2(Math.max(1, triggers.length)),
    subsignature: triggers.length === 1 ? triggers[0]?.subsignature : undefined,
  };
}
