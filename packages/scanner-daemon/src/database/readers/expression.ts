import type { LogicalNode, MatchCount } from '../model/logical-signature.js';
import { wrap32 } from './wrap32.js';

/** One expression with the highest subsignature number in it. */
export interface Expression {
  readonly kind: 'expression';
  readonly root: LogicalNode;
  /** Of all subsignatures that it names. */
  readonly indexMax: number;
}

/** One with more levels than this engine follows, and than any signature has: clamd takes it (observed). */
export interface DeepExpression {
  readonly kind: 'tooDeep';
}

/** ClamAV takes 2,000 brackets (observed); signatures use 4. */
const DEPTH_MAX = 64;
/** Changes of operator without brackets, each of which is one level more; signatures have some three. */
const CHANGES_MAX = 256;
const TOO_DEEP: DeepExpression = { kind: 'tooDeep' };
/** Subsignatures of one signature; the 65th is refused (observed). */
export const SUBSIGNATURES_MAX = 64;
const KNOWN_EXPRESSIONS_MAX = 4096;
const knownExpressions = new Map<string, Expression | DeepExpression | undefined>();

/**
 * Reads a logical expression (manual, "Logical signatures"): subsignature numbers, `&`, `|`, brackets, and the counts
 * `=n`, `>n`, `<n` with `,m` behind. Undefined where it is malformed. The same expression gives the same object.
 */
export function readExpression(text: string): Expression | DeepExpression | undefined {
  if (knownExpressions.has(text)) return knownExpressions.get(text);
  const expression = new ExpressionReader(text).read();
  if (knownExpressions.size >= KNOWN_EXPRESSIONS_MAX) knownExpressions.clear();
  knownExpressions.set(text, expression);
  return expression;
}

const GROUP_COUNT = /([=<>])[ +]?(-?\d{1,18})(?:,(\d{0,18})[\d,]*)?/y;
/** What stands behind the number up to the next operator is not looked at (observed). */
const INDEX = /[ +]*(-?\d{1,18})[^&|()=<>]*/y;
/** Counts of a subsignature, one or several. */
const LEAF_COUNTS = /[=<>][^&|()]*/y;
/** The last operator counts: `==2` is `=2`, `>=2` too (observed). What stands behind its number says nothing. */
const LEAF_COUNT = /([=<>])[ +]*(-?\d{1,18})[^=<>]*$/;

class ExpressionReader {
  readonly #text: string;
  #at = 0;
  #indexMax = 0;
  /** Of the group that was read last. */
  #operandCount = 0;
  #changes = 0;
  #isTooDeep = false;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Expression | DeepExpression | undefined {
    const root = this.#readGroup(0);
    if (this.#isTooDeep) return isBalanced(this.#text) ? TOO_DEEP : undefined;
    if (root === undefined || this.#at < this.#text.length) return undefined;
    return { kind: 'expression', root, indexMax: this.#indexMax };
  }

  /**
   * Operands with operators between them, up to a closing bracket or the end. Neither operator binds tighter: what is
   * written without brackets groups from the right, `0&1|2` being `0&(1|2)` (observed).
   */
  #readGroup(depth: number): LogicalNode | undefined {
    if (depth > DEPTH_MAX) this.#isTooDeep = true;
    if (this.#isTooDeep) return undefined;
    const operands: LogicalNode[] = [];
    const operators: string[] = [];
    for (;;) {
      const operand = this.#readOperand(depth);
      if (operand === undefined) return undefined;
      operands.push(operand);
      const operator = this.#text[this.#at];
      if (operator !== '&' && operator !== '|') {
        this.#operandCount = operands.length;
        this.#changes += operators.filter((each, index) => index > 0 && each !== operators[index - 1]).length;
        if (this.#changes > CHANGES_MAX) this.#isTooDeep = true;
        return groupFromRight(operands, operators);
      }
      operators.push(operator);
      this.#at++;
    }
  }

  #readOperand(depth: number): LogicalNode | undefined {
    if (this.#text[this.#at] !== '(') return this.#readSubsignature();
    this.#at++;
    const inner = this.#readGroup(depth + 1);
    if (inner === undefined || this.#text[this.#at] !== ')') return undefined;
    const operandCount = this.#operandCount;
    this.#at++;
    const count = this.#readGroupCount();
    if (count === undefined) return inner;
    // Of a single operand in brackets it is refused, whatever that is (observed).
    return operandCount > 1 ? { ...inner, count } : undefined;
  }

  #readSubsignature(): LogicalNode | undefined {
    INDEX.lastIndex = this.#at;
    const match = INDEX.exec(this.#text);
    if (match === null) return undefined;
    const index = wrap32(match[1]);
    if (index >= SUBSIGNATURES_MAX) return undefined;
    this.#at = INDEX.lastIndex;
    this.#indexMax = Math.max(this.#indexMax, index);
    LEAF_COUNTS.lastIndex = this.#at;
    const counts = LEAF_COUNTS.exec(this.#text);
    if (counts === null) return { kind: 'subsignature', index, count: undefined };
    this.#at = LEAF_COUNTS.lastIndex;
    const count = toCount(LEAF_COUNT.exec(counts[0]));
    return count === undefined ? undefined : { kind: 'subsignature', index, count };
  }

  #readGroupCount(): MatchCount | undefined {
    GROUP_COUNT.lastIndex = this.#at;
    const match = GROUP_COUNT.exec(this.#text);
    if (match !== null) this.#at = GROUP_COUNT.lastIndex;
    return toCount(match);
  }
}

function isBalanced(text: string): boolean {
  return text.split('(').length === text.split(')').length;
}

function toCount(match: RegExpExecArray | null): MatchCount | undefined {
  if (match === null) return undefined;
  const [, operator, count = '', distinct] = match;
  if (operator !== '=' && operator !== '>' && operator !== '<') return undefined;
  return {
    operator,
    count: wrap32(count),
    distinct: distinct === undefined ? undefined : wrap32(distinct),
  };
}

/** `a&b&c|d` is `a&b&(c|d)`: a run of one operator is one node. */
function groupFromRight(
  operands: readonly LogicalNode[],
  operators: readonly string[],
): LogicalNode | undefined {
  let node = operands.at(-1);
  if (node === undefined) return undefined;
  let open: LogicalNode[] | undefined;
  for (let index = operators.length - 1; index >= 0; index--) {
    const operand = operands[index];
    if (operand === undefined) return undefined;
    if (open !== undefined && operators[index] === operators[index + 1]) {
      open.unshift(operand);
      continue;
    }
    open = [operand, node];
    node = { kind: operators[index] === '&' ? 'and' : 'or', operands: open, count: undefined };
  }
  return node;
}
