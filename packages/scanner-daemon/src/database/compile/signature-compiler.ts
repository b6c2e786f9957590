import {
  SINGLE_EXPRESSION,
  TARGET_COUNT,
  type CompiledSignatures,
  type SignatureFilter,
  type SpecialSubsignature,
} from '../compiled-signatures.js';
import type { BodyOffset, BodyPattern } from '../model/body-pattern.js';
import {
  onlyTarget,
  type ExtendedSignature,
  type LogicalNode,
  type LogicalSignature,
  type Subsignature,
  type TargetConditions,
} from '../model/logical-signature.js';
import { AnchorEntries } from './anchor-tables.js';
import { chooseTrigger } from './choose-triggers.js';
import { encodeExpression } from './expression-code.js';
import { startingAtZero, Uint32List } from './growable-lists.js';
import { PartAnchors } from './part-anchors.js';
import { PatternStore } from './pattern-store.js';

/** Takes body and logical signatures one by one and makes tables of them. No I/O; used once, by one thread. */
export class SignatureCompiler {
  readonly #nameIds = new Uint32List();
  readonly #conditionIds = new Uint32List();
  readonly #expressions = new Uint32List();
  readonly #firstSubsignatures = startingAtZero();
  readonly #code = new Uint32List();

  readonly #subsignatureSignatures = new Uint32List();
  readonly #offsetIds = new Uint32List();
  readonly #firstVariants = startingAtZero();
  readonly #specials: (readonly [number, SpecialSubsignature])[] = [];
  readonly #patterns = new PatternStore();

  readonly #offsets = new DistinctList<BodyOffset>([{ kind: 'any' }]);
  readonly #conditions = new DistinctList<TargetConditions>([]);

  addExtended({ target, pattern }: ExtendedSignature, nameId: number): void {
    this.#beginSignature(nameId, onlyTarget(target));
    this.#expressions.push(SINGLE_EXPRESSION);
    this.#addSubsignature(pattern);
    this.#firstSubsignatures.push(this.#subsignatureSignatures.length);
  }

  addLogical({ conditions, expression, subsignatures }: LogicalSignature, nameId: number): void {
    this.#beginSignature(nameId, conditions);
    this.#expressions.push(this.#code.length);
    encodeExpression(cheapestFirst(expression, subsignatures), this.#code);
    for (const subsignature of subsignatures) this.#addSubsignature(usable(subsignature, subsignatures));
    this.#firstSubsignatures.push(this.#subsignatureSignatures.length);
  }

  /** The immutable tables. A second or so for a few hundred thousand subsignatures. */
  finish(): CompiledSignatures {
    const tables = {
      signatures: {
        nameIds: this.#nameIds.shared(),
        conditions: this.#conditionIds.shared(),
        expressions: this.#expressions.shared(),
        firstSubsignatures: this.#firstSubsignatures.shared(),
        code: this.#code.sharedSigned(),
        triggersNeeded: new Uint8Array(new SharedArrayBuffer(this.#nameIds.length)).fill(1),
      },
      subsignatures: {
        signatures: this.#subsignatureSignatures.shared(),
        offsets: this.#offsetIds.shared(),
        firstVariants: this.#firstVariants.shared(),
      },
      ...this.#patterns.finish(),
    };
    const sources = {
      ...tables,
      conditions: this.#conditions.items,
      offsets: this.#offsets.items,
      specials: this.#specials,
    };
    return { ...sources, filters: compileFilters(sources) };
  }

  #beginSignature(nameId: number, conditions: TargetConditions): void {
    this.#nameIds.push(nameId);
    this.#conditionIds.push(this.#conditions.idOf(conditions));
  }

  #addSubsignature(subsignature: Subsignature): void {
    const number = this.#subsignatureSignatures.length;
    this.#subsignatureSignatures.push(this.#nameIds.length - 1);
    if (subsignature.kind === 'body') {
      this.#addPattern(number, subsignature);
    } else {
      this.#offsetIds.push(0);
      this.#specials.push([number, specialOf(subsignature)]);
    }
    this.#firstVariants.push(this.#patterns.variantCount);
  }

  #addPattern(number: number, { offset, variants }: BodyPattern): void {
    this.#offsetIds.push(offset.kind === 'any' ? 0 : this.#offsets.idOf(offset));
    for (const parts of variants) this.#patterns.addVariant(number, parts);
  }
}

/** A byte comparison counts from the match of a body; one that names anything else never holds. */
function usable(subsignature: Subsignature, all: readonly Subsignature[]): Subsignature {
  if (subsignature.kind !== 'byteCompare' || all[subsignature.trigger]?.kind === 'body') return subsignature;
  return { kind: 'unsupported', what: 'byte comparison behind no body' };
}

function specialOf(subsignature: Exclude<Subsignature, BodyPattern>): SpecialSubsignature {
  if (subsignature.kind !== 'pcre') return subsignature;
  const { trigger, ...rest } = subsignature;
  const triggerCode: number[] = [];
  encodeExpression(trigger, triggerCode);
  return { ...rest, triggerCode: Int32Array.from(triggerCode) };
}

type FilterSources = Omit<CompiledSignatures, 'filters'>;

/** Builds one filter a target: a file is passed over once, with its own and the general signatures together. */
function compileFilters(sources: FilterSources): readonly SignatureFilter[] {
  const { signatures, subsignatures, variants, offsets, parts, conditions } = sources;
  const entries = Array.from({ length: TARGET_COUNT }, () => new AnchorEntries(parts));
  const anchors = new PartAnchors(parts);
  const specials = new Map(sources.specials);
  signatures.nameIds.forEach((_nameId, signature) => {
    const condition = conditions[signatures.conditions[signature] ?? 0];
    const own = entries[condition?.target ?? 0];
    // Icons are not compared: such a signature finds nothing.
    if (condition === undefined || own === undefined || condition.needsIcon) return;
    const trigger = chooseTrigger(
      { signatures, subsignatures, variants, offsets, specials, anchors },
      signature,
    );
    if (trigger === undefined) own.addUnanchored(signature);
    else signatures.triggersNeeded[signature] = trigger.needed;
    for (const anchor of trigger?.anchors ?? []) own.add(anchor);
    for (const part of trigger?.placed ?? []) own.addPlaced(part);
  });
  return entries.map((own, target) => own.compile(target === 0 ? undefined : entries[0]));
}

/** The same expression with its operands in the order in which they are best evaluated. */
function cheapestFirst(node: LogicalNode, subsignatures: readonly Subsignature[]): LogicalNode {
  if (node.kind === 'subsignature') return node;
  const operands = node.operands.map((operand) => cheapestFirst(operand, subsignatures));
  const costs = operands.map((operand) => costOf(operand, subsignatures));
  // Nearly all are in order: they are bodies of one part.
  if (costs.every((cost, index) => index === 0 || cost >= (costs[index - 1] ?? 0)))
    return { ...node, operands };
  const order = [...costs.keys()].sort((a, b) => (costs[a] ?? 0) - (costs[b] ?? 0));
  return { ...node, operands: order.flatMap((index) => operands[index] ?? []) };
}

/** Places in the file are looked at before the whole file is searched, and that before regular expressions run. */
function costOf(node: LogicalNode, subsignatures: readonly Subsignature[]): number {
  if (node.kind !== 'subsignature')
    return Math.max(...node.operands.map((each) => costOf(each, subsignatures)));
  const subsignature = subsignatures[node.index];
  if (subsignature?.kind !== 'body') return 3;
  if (subsignature.offset.kind !== 'any' && subsignature.offset.kind !== 'withinSection') return 0;
  return subsignature.variants.some((parts) => parts.length > 1) ? 2 : 1;
}

/** Values that are equal as JSON share a number. */
class DistinctList<Value extends object> {
  readonly items: Value[] = [];
  readonly #ids = new Map<string, number>();
  /** Readers give the same object for the same text: no need to spell it out again. */
  readonly #known = new WeakMap<Value, number>();

  constructor(first: readonly Value[]) {
    for (const item of first) this.idOf(item);
  }

  idOf(item: Value): number {
    const known = this.#known.get(item);
    if (known !== undefined) return known;
    const key = JSON.stringify(item);
    const id = this.#ids.get(key) ?? this.items.push(item) - 1;
    this.#ids.set(key, id);
    this.#known.set(item, id);
    return id;
  }
}
