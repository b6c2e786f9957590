import type { BodyOffset, BodyParts } from '../../database/model/body-pattern.js';
import type {
  ByteCompareSubsignature,
  ByteComparison,
  LogicalSignature,
} from '../../database/model/logical-signature.js';
import { byteCompareHolds } from '../../engine/builtin/byte-compare.js';
import type { PcreMatcher } from '../../engine/builtin/pcre/pcre-matcher.js';
import { bytesInput } from '../../engine/engine.js';
import { BlockWriter, fixedBlock } from './block.js';
import type { Block, Filling } from './block.js';
import type { Matches } from './choose-matches.js';
import { renderBody } from './render-body.js';
import { renderPcre } from './render-pcre.js';

/** A block that must lie at a place, so many times. */
export interface Demand {
  readonly subsignature: number;
  readonly block: Block;
  readonly offset: BodyOffset;
  readonly count: number;
  /** The same with a gap that is so much wider; undefined where none may be. */
  readonly widened?: (extraBytes: number) => Block | undefined;
}

/** What stops a file from being built, in words that are counted. */
export interface Unbuilt {
  readonly kind: 'unbuilt';
  readonly reason: string;
}

export function unbuilt(reason: string): Unbuilt {
  return { kind: 'unbuilt', reason };
}

const BLOCK_MAX_BYTES = 8 << 20;

/** The blocks that a choice of matches comes to. */
export function demandsOf(
  signature: LogicalSignature,
  matches: Matches,
  { filling, matcher }: { readonly filling: Filling; readonly matcher: PcreMatcher },
): readonly Demand[] | Unbuilt {
  const demands: Demand[] = [];
  const comparisons: ByteCompareSubsignature[] = [];
  for (const [index, count] of matches) {
    const subsignature = signature.subsignatures[index];
    if (subsignature === undefined) return unbuilt('a subsignature that is not there');
    switch (subsignature.kind) {
      case 'body': {
        const block = firstOf(subsignature.variants, (parts) => renderBody(parts, filling));
        if (block === undefined) return unbuilt('no bytes that the pattern matches');
        const widened = (extraBytes: number): Block | undefined =>
          firstOf(subsignature.variants, (parts) => renderWidened(parts, filling, extraBytes));
        demands.push({ subsignature: index, block, offset: subsignature.offset, count, widened });
        break;
      }
      case 'pcre': {
        const rendered = renderPcre(subsignature, matcher);
        if (rendered === undefined) return unbuilt('no string for the regular expression');
        const block = fixedBlock(rendered.bytes, rendered.leadBytes);
        demands.push({ subsignature: index, block, offset: subsignature.offset, count });
        break;
      }
      case 'byteCompare':
        comparisons.push(subsignature);
        break;
      case 'macro':
        return unbuilt('macro');
      case 'unsupported':
        return unbuilt(subsignature.what);
    }
  }
  return withComparisons(demands, comparisons);
}

/** With the first gap that may be so much wider. */
function renderWidened(
  [first, ...others]: BodyParts,
  filling: Filling,
  extraBytes: number,
): Block | undefined {
  const wider = others.find(({ gapMinBytes, gapMaxBytes }) => gapMinBytes + extraBytes <= gapMaxBytes);
  if (wider === undefined) return undefined;
  const gapMinBytes = wider.gapMinBytes + extraBytes;
  return renderBody(
    [first, ...others.map((part) => (part === wider ? { ...part, gapMinBytes } : part))],
    filling,
  );
}

function firstOf<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => Result | undefined,
): Result | undefined {
  for (const item of items) {
    const result = map(item);
    if (result !== undefined) return result;
  }
  return undefined;
}

/** Puts the numbers that are compared beside the blocks they are counted from. */
function withComparisons(
  demands: readonly Demand[],
  comparisons: readonly ByteCompareSubsignature[],
): readonly Demand[] | Unbuilt {
  let all = demands;
  for (const comparison of comparisons) {
    const demand = all.find(({ subsignature }) => subsignature === comparison.trigger);
    if (demand === undefined) return unbuilt('a byte comparison without its trigger');
    const block = withNumber(demand.block, comparison);
    if (block === undefined) return unbuilt('no number for the byte comparison');
    const { subsignature, offset, count } = demand;
    all = all.map((one) => (one === demand ? { subsignature, offset, count, block } : one));
  }
  return all;
}

function withNumber(block: Block, comparison: ByteCompareSubsignature): Block | undefined {
  const { relativeOffset, lengthBytes } = comparison;
  if (Math.abs(relativeOffset) > BLOCK_MAX_BYTES) return undefined;
  // One more: the very first byte of a file is never read.
  const missing = Math.max(0, -(block.leadBytes + relativeOffset) + 1);
  const leadBytes = block.leadBytes + missing;
  const at = leadBytes + relativeOffset;
  const values = new Uint8Array(Math.max(missing + block.values.length, at + lengthBytes));
  const fixed = new Uint8Array(values.length);
  values.set(block.values, missing);
  fixed.set(block.fixed, missing);
  const original = values.slice();
  for (const number of numbersFor(comparison)) {
    values.set(original);
    let agrees = true;
    for (const [index, byte] of number.entries()) {
      if (fixed[at + index] === 1 && values[at + index] !== byte) agrees = false;
      values[at + index] = byte;
    }
    if (!agrees || !byteCompareHolds(comparison, bytesInput(values), leadBytes)) continue;
    fixed.fill(1, at, at + number.length);
    return { values, fixed, leadBytes };
  }
  // The pattern itself may hold the number already.
  return byteCompareHolds(comparison, bytesInput(original), leadBytes)
    ? new BlockWriter().appendMasked(original, fixed).finish(leadBytes)
    : undefined;
}

function* numbersFor(comparison: ByteCompareSubsignature): Generator<Uint8Array> {
  for (const value of valuesFor(comparison.comparisons)) yield* spellings(value, comparison);
}

function valuesFor(comparisons: readonly ByteComparison[]): readonly bigint[] {
  return comparisons.flatMap(({ operator, value }) =>
    operator === '=' ? [value] : operator === '>' ? [value + 1n, value + 2n] : [value - 1n, 0n],
  );
}

function* spellings(value: bigint, comparison: ByteCompareSubsignature): Generator<Uint8Array> {
  const { base, lengthBytes } = comparison;
  if (lengthBytes < 1 || lengthBytes > 1024) return;
  if (base === 'binary') {
    const digits = BigInt.asUintN(8 * lengthBytes, value)
      .toString(16)
      .padStart(2 * lengthBytes, '0');
    const big = Buffer.from(digits, 'hex');
    yield comparison.byteOrder === 'big' ? big : Uint8Array.from(big).reverse();
    return;
  }
  const magnitude = value < 0n ? -value : value;
  const sign = value < 0n ? '-' : '';
  const hex = magnitude.toString(16);
  const pairs = hex.padStart(hex.length + (hex.length % 2), '0').match(/../g) ?? [];
  const texts = [
    sign + magnitude.toString(10),
    sign + hex,
    `${sign}0x${hex}`,
    pairs.toReversed().join(''),
    sign + magnitude.toString(10).padStart(lengthBytes - sign.length, '0'),
    sign + hex.padStart(lengthBytes - sign.length, '0'),
    `0x${hex.padStart(Math.max(0, lengthBytes - 2), '0')}`,
    pairs.toReversed().join('').padEnd(lengthBytes, '0'),
  ];
  for (const text of texts) if (text.length <= lengthBytes) yield Buffer.from(text.padEnd(lengthBytes, 'z'));
}
