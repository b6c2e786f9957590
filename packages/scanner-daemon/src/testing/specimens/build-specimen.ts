import type { BodyOffset } from '../../database/model/body-pattern.js';
import {
  onlyTarget,
  type ExtendedSignature,
  type LogicalNode,
  type LogicalSignature,
  type NumberRange,
  type Subsignature,
  type TargetConditions,
} from '../../database/model/logical-signature.js';
import { startRanges } from '../../engine/builtin/matcher/offset-ranges.js';
import { PcreMatcher } from '../../engine/builtin/pcre/pcre-matcher.js';
import type { ExecutableLayout } from '../../engine/executables/executable-layout.js';
import { Canvas } from './block.js';
import type { Block } from './block.js';
import { carrierOf, MACRO_CARRIER, otherCarriersOf } from './carriers.js';
import type { Carrier } from './carriers.js';
import { chooseMatches } from './choose-matches.js';
import type { Matches } from './choose-matches.js';
import { demandsOf, unbuilt } from './demands.js';
import type { Demand, Unbuilt } from './demands.js';
import { buildExecutable, formatOfTarget } from './executable-carriers.js';
import type { ExecutableCarrier } from './executable-carriers.js';
import { planExecutable } from './plan-executable.js';

/** Where a block was put: `fileOffset` is that of its first byte. */
export interface PlacedBlock {
  readonly fileOffset: number;
  readonly demand: Demand;
}

/** A file that a signature must match, or nearly. */
export interface Specimen {
  readonly kind: 'built';
  /** `macro`: the bytes are the source of a module, and still to be put into a document. */
  readonly form: 'file' | 'macro';
  readonly bytes: Uint8Array;
  readonly placed: readonly PlacedBlock[];
}

/** What is built instead of a match. */
export interface SpecimenOptions {
  /** The first block that has a place of its own lies one byte behind it. */
  readonly isShifted?: boolean;
  /** What must match several times matches once less. */
  readonly isOneTooFew?: boolean;
}

const FILE_MAX_BYTES = 24 << 20;
const BETWEEN_BLOCKS_BYTES = 5;
const PLACES_TRIED_MAX = 4096;
const EXTRA_GAP_MAX_BYTES = 2048;
const OLE2_TARGET = 2;
const matcher = new PcreMatcher();

/** Builds a file for a signature; what stands in the way is counted by its words. */
export function buildSpecimen(
  given: LogicalSignature | ExtendedSignature,
  options: SpecimenOptions = {},
): Specimen | Unbuilt {
  const signature = given.kind === 'logical' ? given : asLogical(given);
  const { conditions, subsignatures } = signature;
  if (conditions.needsIcon) return unbuilt('icon group');
  const ways = chooseMatches(signature, (index) => costOf(subsignatures[index]));
  let problem = unbuilt('an expression that nothing satisfies');
  for (const matches of ways) {
    const chosen = options.isOneTooFew === true ? oneTooFew(matches) : matches;
    if (chosen === undefined) return unbuilt('nothing that counts');
    const outcome = buildWay(signature, chosen, options);
    if (outcome.kind === 'built') return outcome;
    problem = outcome;
  }
  return problem;
}

/**
 * Whether a signature asks for nothing but patterns anywhere, so that one file can hold what several of its kind look for.
 */
export function isJoinable(given: LogicalSignature | ExtendedSignature): boolean {
  const { conditions, subsignatures, expression } = given.kind === 'logical' ? given : asLogical(given);
  const { target, handlerType, intermediates, needsIcon, ...ranges } = conditions;
  return (
    carrierOf(target)?.filling !== 'text' &&
    handlerType === undefined &&
    intermediates.length === 0 &&
    !needsIcon &&
    Object.values(ranges).every((range) => range === undefined) &&
    subsignatures.every((one) => one.kind === 'body' && one.offset.kind === 'any') &&
    neverForbids(expression)
  );
}

function neverForbids(node: LogicalNode): boolean {
  if (node.count !== undefined && node.count.operator !== '>') return false;
  return node.kind === 'subsignature' || node.operands.every(neverForbids);
}

/** One file for all of several joinable signatures of one target. */
export function buildJoined(joined: readonly (LogicalSignature | ExtendedSignature)[]): Specimen | Unbuilt {
  const demands: Demand[] = [];
  let last: LogicalSignature | undefined;
  for (const given of joined) {
    const signature = given.kind === 'logical' ? given : asLogical(given);
    const { subsignatures, conditions } = signature;
    const [matches] = chooseMatches(signature, (index) => costOf(subsignatures[index]));
    if (matches === undefined) return unbuilt('an expression that nothing satisfies');
    const filling = carrierOf(conditions.target)?.filling ?? 'binary';
    const more = demandsOf(signature, matches, { filling, matcher });
    if ('kind' in more) return more;
    demands.push(...more);
    last = signature;
  }
  return last === undefined ? unbuilt('no signature') : buildWith(last, demands, {});
}

function asLogical({ name, target, pattern }: ExtendedSignature): LogicalSignature {
  return {
    kind: 'logical',
    name,
    conditions: onlyTarget(target),
    expression: { kind: 'subsignature', index: 0, count: undefined },
    subsignatures: [pattern],
  };
}

/** Plain patterns first, then those with a place, then what is harder. */
function costOf(subsignature: Subsignature | undefined): number {
  switch (subsignature?.kind) {
    case 'body':
      return subsignature.offset.kind === 'any' ? 1 : 3;
    case 'byteCompare':
      return 5;
    case 'pcre':
      return 10;
    case 'macro':
    case 'unsupported':
    case undefined:
      return 1000;
  }
}

function oneTooFew(matches: Matches): Matches | undefined {
  for (const [index, count] of matches) if (count > 1) return new Map([...matches, [index, count - 1]]);
  return undefined;
}

function buildWay(
  signature: LogicalSignature,
  matches: Matches,
  options: SpecimenOptions,
): Specimen | Unbuilt {
  const { conditions } = signature;
  const filling = carrierOf(conditions.target)?.filling ?? 'binary';
  const demands = demandsOf(signature, matches, { filling, matcher });
  return 'kind' in demands ? demands : buildWith(signature, demands, options);
}

function buildWith(
  { conditions }: LogicalSignature,
  demands: readonly Demand[],
  options: SpecimenOptions,
): Specimen | Unbuilt {
  const format = formatOfTarget(conditions.target);
  const build = format === undefined ? filesWith : executablesWith;
  let problem: Unbuilt | undefined;
  for (const outcome of build(conditions, demands, options)) {
    if (outcome.kind === 'built') return outcome;
    problem ??= outcome;
  }
  return problem ?? unbuilt(`target ${conditions.target}`);
}

/** The ways to put the demands into a file that is no executable. */
function* filesWith(
  { target, fileSizeBytes }: TargetConditions,
  demands: readonly Demand[],
  options: SpecimenOptions,
): Generator<Specimen | Unbuilt> {
  const carrier = carrierOf(target);
  if (carrier === undefined) return;
  for (const one of [carrier, ...otherCarriersOf(target)])
    yield new Building({ carrier: one, demands, options }).finish(fileSizeBytes);
  if (target !== OLE2_TARGET) return;
  yield new Building({ form: 'macro', carrier: MACRO_CARRIER, demands, options }).finish(fileSizeBytes);
}

/** The ways to put them into an executable. */
function* executablesWith(
  conditions: TargetConditions,
  demands: readonly Demand[],
  options: SpecimenOptions,
): Generator<Specimen | Unbuilt> {
  for (const isApart of [false, true]) yield executableWith(conditions, { demands, options, isApart });
}

function executableWith(
  conditions: TargetConditions,
  { demands, options, isApart }: Pick<BuildingParts, 'demands' | 'options'> & { readonly isApart: boolean },
): Specimen | Unbuilt {
  const format = formatOfTarget(conditions.target);
  const plan = planExecutable(demands, conditions, isApart);
  if ('kind' in plan) return plan;
  const executable = format && buildExecutable(format, plan);
  if (executable === undefined) return unbuilt('an executable that our reader does not take');
  if (!isWithin(conditions.entryPoint, executable.layout.entryPointOffset)) return unbuilt('EntryPoint');
  if (!isWithin(conditions.sectionCount, executable.layout.sections.length))
    return unbuilt('NumberOfSections');
  return new Building({ executable, demands, options }).finish(conditions.fileSizeBytes);
}

function isWithin(range: NumberRange | undefined, number: number | undefined): boolean {
  return range === undefined || (number !== undefined && number >= range.min && number <= range.max);
}

interface BuildingParts {
  /** A file, if not given. */
  readonly form?: Specimen['form'];
  readonly carrier?: Carrier | undefined;
  readonly executable?: ExecutableCarrier;
  readonly demands: readonly Demand[];
  readonly options: SpecimenOptions;
}

/** Puts the blocks of one file where they belong. */
class Building {
  readonly #canvas: Canvas;
  readonly #placed: PlacedBlock[] = [];
  readonly #parts: BuildingParts;
  readonly #layout: ExecutableLayout | undefined;
  #freeFrom = 0;
  #isShiftDone: boolean;

  constructor(parts: BuildingParts) {
    this.#parts = parts;
    this.#canvas = new Canvas(parts.carrier?.filling === 'text' ? 0x71 : 0);
    this.#layout = parts.executable?.layout;
    this.#isShiftDone = parts.options.isShifted !== true;
    this.#putCarrier();
  }

  finish(fileSize: NumberRange | undefined): Specimen | Unbuilt {
    if ((fileSize?.min ?? 0) > FILE_MAX_BYTES) return unbuilt('FileSize of more than 24 MiB');
    const { demands } = this.#parts;
    const isFree = ({ offset }: Demand): boolean => offset.kind === 'any';
    const isFromEnd = ({ offset }: Demand): boolean => offset.kind === 'fromEnd';
    for (const demand of demands) {
      if (isFree(demand) || isFromEnd(demand)) continue;
      if (!this.#putWidened(demand)) return unbuilt(`no room at ${demand.offset.kind}`);
    }
    for (const demand of demands) if (isFree(demand)) this.#putAnywhere(demand);
    this.#putSoftCarrier();
    const minBytes = Math.max(fileSize?.min ?? 0, Math.min(64, fileSize?.max ?? 64));
    this.#canvas.extendTo(minBytes);
    const fromEnd = demands.filter(isFromEnd);
    if (fromEnd.length > 0) {
      this.#canvas.extendTo(this.#sizeFor(fromEnd, fileSize?.max ?? Infinity));
      const sizeBytes = this.#canvas.lengthBytes;
      for (const demand of fromEnd) if (!this.#putAt(demand, sizeBytes)) return unbuilt('no room at fromEnd');
      if (this.#canvas.lengthBytes !== sizeBytes)
        return unbuilt('a pattern longer than its distance from the end');
    }
    if (this.#canvas.lengthBytes > Math.min(fileSize?.max ?? Infinity, FILE_MAX_BYTES))
      return unbuilt('FileSize');
    if (!this.#isShiftDone) return unbuilt('nothing that has a place');
    const { form = 'file' } = this.#parts;
    return { kind: 'built', form, bytes: this.#canvas.finish(), placed: this.#placed };
  }

  /** Long enough for all of them to lie behind what there is, where the file may be so long. */
  #sizeFor(fromEnd: readonly Demand[], maxBytes: number): number {
    let needed = this.#canvas.lengthBytes;
    for (const { offset, block } of fromEnd) {
      if (offset.kind !== 'fromEnd') continue;
      needed = Math.max(needed, this.#canvas.lengthBytes + offset.fromEnd + block.leadBytes);
    }
    return Math.max(this.#canvas.lengthBytes, Math.min(needed, maxBytes));
  }

  #putCarrier(): void {
    const { carrier, executable } = this.#parts;
    if (executable !== undefined) {
      const fixed = new Uint8Array(executable.bytes.length);
      for (const [from, to] of executable.headers) fixed.fill(1, from, to);
      this.#canvas.put(0, { values: executable.bytes, fixed });
      this.#freeFrom = executable.bytes.length;
    } else if (carrier !== undefined) {
      this.#freeFrom = carrier.bytes.length + BETWEEN_BLOCKS_BYTES;
      if (carrier.isSoft) return;
      const fixed = new Uint8Array(carrier.bytes.length).fill(1, 0, carrier.magicBytes);
      this.#canvas.put(0, { values: carrier.bytes, fixed });
    }
  }

  #putSoftCarrier(): void {
    const { carrier } = this.#parts;
    if (carrier?.isSoft !== true || !this.#canvas.isFree(0, carrier.bytes.length)) return;
    this.#canvas.put(0, { values: carrier.bytes, fixed: new Uint8Array(carrier.bytes.length).fill(1) });
  }

  /** As it is, and else with another gap: what lies there already may be in the way, or what is wanted. */
  #putWidened(demand: Demand): boolean {
    if (this.#putAt(demand, this.#canvas.lengthBytes)) return true;
    if (demand.count > 1 || this.#parts.options.isShifted === true) return false;
    for (let extraBytes = 1; extraBytes <= EXTRA_GAP_MAX_BYTES; extraBytes += 1) {
      const block = demand.widened?.(extraBytes);
      if (block === undefined) return false;
      if (this.#putAt({ ...demand, block }, this.#canvas.lengthBytes)) return true;
    }
    return false;
  }

  #putAt(demand: Demand, sizeBytes: number): boolean {
    const ranges = startRanges(demand.offset, sizeBytes, () => this.#layout);
    let missing = demand.count;
    for (const { first, last } of ranges) {
      const shift = this.#isShiftDone ? 0 : last - first + 1;
      this.#isShiftDone = true;
      const neededBytes = demand.count * (demand.block.values.length + BETWEEN_BLOCKS_BYTES);
      const end = Math.min(last + shift, first + shift + PLACES_TRIED_MAX + neededBytes);
      for (let at = first + shift; at <= end && missing > 0;) {
        if (!this.#put(demand, at)) at += 1;
        else {
          missing -= 1;
          at += demand.block.values.length + BETWEEN_BLOCKS_BYTES;
        }
      }
    }
    return missing === 0;
  }

  #put(demand: Demand, matchOffset: number): boolean {
    const { block } = demand;
    const fileOffset = matchOffset - block.leadBytes;
    // At the start of the file no surroundings are needed.
    const [at, trimmed] = matchOffset === 0 ? [0, withoutLead(block)] : [fileOffset, block];
    if (!this.#canvas.put(at, trimmed)) return false;
    this.#placed.push({ fileOffset: at, demand: { ...demand, block: trimmed } });
    return true;
  }

  #putAnywhere(demand: Demand): void {
    const lengthBytes = demand.block.values.length;
    for (let copy = 0; copy < demand.count; copy++) {
      while (!this.#canvas.isFree(this.#freeFrom, lengthBytes)) this.#freeFrom += 16;
      this.#put(demand, this.#freeFrom + demand.block.leadBytes);
      this.#freeFrom += lengthBytes + BETWEEN_BLOCKS_BYTES;
      this.#canvas.extendTo(this.#freeFrom);
    }
  }
}

function withoutLead({ values, fixed, leadBytes }: Block): Block {
  return { values: values.subarray(leadBytes), fixed: fixed.subarray(leadBytes), leadBytes: 0 };
}

/** Whether an offset is one that a shift can miss. */
export function hasPlace(offset: BodyOffset): boolean {
  return offset.kind !== 'any';
}
