import {
  COUNT_ABOVE,
  COUNT_BELOW,
  COUNT_EQUAL,
  COUNT_NONE,
  NODE_AND,
  NODE_NUMBERS,
  NODE_SUBSIGNATURE,
} from '../../../database/compile/expression-code.js';

/** How often a subsignature (0-based within its signature) matches, counted up to `limit`. */
export type CountMatches = (subsignature: number, limit: number) => number;

/** What a node comes to: whether it holds, how many matches there were below it, and of how many subsignatures. */
interface Tally {
  readonly holds: boolean;
  readonly matches: number;
  readonly distinct: number;
}

const NOTHING: Tally = { holds: false, matches: 0, distinct: 0 };

/** Evaluates the expression that begins at `at` of `code`; see `database/compile/expression-code.ts`. */
export function evaluateExpression(code: Int32Array, at: number, countMatches: CountMatches): boolean {
  return new Evaluation(code, at, countMatches).node(1).holds;
}

class Evaluation {
  readonly #code: Int32Array;
  readonly #countMatches: CountMatches;
  #at: number;

  constructor(code: Int32Array, at: number, countMatches: CountMatches) {
    this.#code = code;
    this.#at = at;
    this.#countMatches = countMatches;
  }

  /** @param limit how many matches are of interest to the group around it */
  node(limit: number): Tally {
    const at = this.#at;
    const operator = this.#code[at + 1] ?? 0;
    const count = this.#code[at + 2] ?? 0;
    const distinct = this.#code[at + 3] ?? 0;
    const wanted = operator === COUNT_NONE ? limit : Math.max(limit, count + 1);
    const tally =
      this.#code[at] === NODE_SUBSIGNATURE ? this.#leaf(wanted) : this.#group(wanted, { operator, distinct });
    return { ...tally, holds: holdsCount(tally, operator, count) && tally.distinct >= distinct };
  }

  #leaf(limit: number): Tally {
    const number = this.#code[this.#at + 4] ?? 0;
    this.#at += NODE_NUMBERS;
    const matches = this.#countMatches(number, limit);
    return { holds: matches > 0, matches, distinct: matches > 0 ? 1 : 0 };
  }

  #group(limit: number, own: { readonly operator: number; readonly distinct: number }): Tally {
    const isAnd = this.#code[this.#at] === NODE_AND;
    const operands = this.#code[this.#at + 4] ?? 0;
    this.#at += NODE_NUMBERS;
    const isCounted = own.distinct > 1 && this.#areLeaves(operands);
    let holds = isAnd;
    let matches = 0;
    let distinct = 0;
    for (let index = 0; index < operands; index++) {
      // Decided already, and nobody counts what is below.
      const isDecided = own.operator === COUNT_NONE && limit <= 1 && index > 0 && holds !== isAnd;
      // So many different ones can no longer be met.
      const isHopeless = isCounted && distinct + operands - index < own.distinct;
      if (isDecided || isHopeless) {
        this.#skip();
        continue;
      }
      const tally = this.node(limit);
      holds = isAnd ? holds && tally.holds : holds || tally.holds;
      // What does not hold adds nothing to the group around it (observed).
      if (!tally.holds) continue;
      matches += tally.matches;
      distinct += tally.distinct;
    }
    // Of a group whose operands do not all match, none counts (observed: `(0&1)=0` holds where 0 alone matches).
    return operands === 0 || (isAnd && !holds) ? NOTHING : { holds, matches, distinct };
  }

  /** Whether the next `count` nodes are subsignatures: each of them counts as one at the most. */
  #areLeaves(count: number): boolean {
    for (let index = 0; index < count; index++)
      if (this.#code[this.#at + index * NODE_NUMBERS] !== NODE_SUBSIGNATURE) return false;
    return true;
  }

  #skip(): void {
    const isLeaf = this.#code[this.#at] === NODE_SUBSIGNATURE;
    const operands = isLeaf ? 0 : (this.#code[this.#at + 4] ?? 0);
    this.#at += NODE_NUMBERS;
    for (let index = 0; index < operands; index++) this.#skip();
  }
}

function holdsCount(tally: Tally, operator: number, count: number): boolean {
  switch (operator) {
    case COUNT_EQUAL:
      return tally.matches === count;
    case COUNT_ABOVE:
      return tally.matches > count;
    case COUNT_BELOW:
      return tally.matches < count;
    default:
      return tally.holds;
  }
}
