import type { LogicalNode, LogicalSignature, MatchCount } from '../../database/model/logical-signature.js';

/** How often each subsignature (by its number) is to match; what is not in it is to match not at all. */
export type Matches = ReadonlyMap<number, number>;

/** A group or subsignature that asks for more is not built. */
const MATCHES_MAX = 20_000;
const CHOICES_MAX = 24;

/** What a subsignature costs to build: those with the least are taken where an expression leaves a choice. */
export type CostOf = (subsignature: number) => number;

/**
 * Ways to make an expression true, the cheapest first; at most 24. Each way takes as few matches as it can.
 * Zero matches satisfy `=0` and `<n` without any.
 */
export function chooseMatches(signature: LogicalSignature, costOf: CostOf): readonly Matches[] {
  return waysOf(signature.expression, costOf)
    .map((matches) => withTriggers(matches, signature, costOf))
    .filter((matches) => matches !== undefined)
    .sort((a, b) => costOfAll(a, costOf) - costOfAll(b, costOf))
    .slice(0, CHOICES_MAX);
}

function costOfAll(matches: Matches, costOf: CostOf): number {
  let cost = 0;
  for (const [subsignature, count] of matches) cost += costOf(subsignature) * count;
  return cost;
}

function waysOf(node: LogicalNode, costOf: CostOf): readonly Matches[] {
  if (node.kind === 'subsignature') {
    const count = wantedCount(node.count);
    if (count === undefined) return [];
    return [new Map(count === 0 ? [] : [[node.index, count]])];
  }
  const ways = node.operands.map((operand) => waysOf(operand, costOf));
  // What lies below a group that does not hold counts for nothing (observed): without any, it has none.
  if (node.kind === 'and' && node.count !== undefined && wantedCount(node.count) === 0) return [new Map()];
  if (node.kind === 'and') return raised(product(ways), node.count);
  if (node.count === undefined) return cheapest(ways.flat(), costOf);
  return groupWays(ways, node.count, costOf);
}

/** All of the operands, in the first ways of each. */
function product(ways: readonly (readonly Matches[])[]): readonly Matches[] {
  let combined: readonly Matches[] = [new Map()];
  for (const choices of ways) {
    combined = combined.flatMap((one) => choices.map((other) => merge(one, other))).slice(0, CHOICES_MAX);
  }
  return combined;
}

/** `(A|B|C)>n,m`: the cheapest of the operands, the first of them as often as it takes. */
function groupWays(
  ways: readonly (readonly Matches[])[],
  count: MatchCount,
  costOf: CostOf,
): readonly Matches[] {
  const total = wantedCount(count);
  if (total === undefined) return [];
  if (total === 0) return [new Map()];
  const singles = cheapest(
    ways.flatMap((choices) => choices.slice(0, 1)),
    costOf,
  );
  const distinct = Math.max(1, Math.min(count.distinct ?? 1, total));
  const starts = Array.from({ length: Math.min(4, singles.length) }, (_, skip) => singles.slice(skip));
  return raised(
    starts
      .map((rest) => rest.slice(0, distinct))
      .filter((chosen) => chosen.length === distinct)
      .map((chosen) => chosen.reduce(merge, new Map())),
    count,
  );
}

/** Adds matches of one subsignature until there are as many as a count on a whole group asks for. */
function raised(ways: readonly Matches[], count: MatchCount | undefined): readonly Matches[] {
  if (count === undefined) return ways;
  const total = wantedCount(count);
  if (total === undefined) return [];
  return ways.flatMap((matches) => {
    const missing = total - sum(matches);
    if (missing <= 0) return [matches];
    return [...matches].slice(0, 3).map(([first, times]) => new Map([...matches, [first, times + missing]]));
  });
}

function sum(matches: Matches): number {
  let total = 0;
  for (const count of matches.values()) total += count;
  return total;
}

function cheapest(ways: readonly Matches[], costOf: CostOf): readonly Matches[] {
  return [...ways].sort((a, b) => costOfAll(a, costOf) - costOfAll(b, costOf)).slice(0, CHOICES_MAX);
}

function merge(a: Matches, b: Matches): Matches {
  const merged = new Map(a);
  for (const [index, count] of b) merged.set(index, Math.max(count, merged.get(index) ?? 0));
  return merged;
}

/** Undefined where it is more than is built. */
function wantedCount(count: MatchCount | undefined): number | undefined {
  if (count === undefined) return 1;
  const { operator, count: number, distinct = 0 } = count;
  const wanted = operator === '=' ? number : operator === '>' ? number + 1 : Math.min(1, number - 1);
  const enough = Math.max(wanted, operator === '<' ? 0 : distinct);
  return wanted < 0 || enough > MATCHES_MAX ? undefined : enough;
}

/** Adds what the expressions and comparisons among them run on. */
function withTriggers(matches: Matches, signature: LogicalSignature, costOf: CostOf): Matches | undefined {
  let all = matches;
  // A trigger has a lower number than what it triggers.
  for (let index = signature.subsignatures.length - 1; index >= 0; index--) {
    const subsignature = signature.subsignatures[index];
    if (subsignature === undefined || !all.has(index)) continue;
    if (subsignature.kind === 'pcre') {
      const trigger = waysOf(subsignature.trigger, costOf)[0];
      if (trigger === undefined) return undefined;
      all = merge(all, trigger);
    } else if (subsignature.kind === 'byteCompare') all = merge(all, new Map([[subsignature.trigger, 1]]));
  }
  return all;
}
