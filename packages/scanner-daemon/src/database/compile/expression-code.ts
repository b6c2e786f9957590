import type { LogicalNode, MatchCount } from '../model/logical-signature.js';

/**
 * A logical expression as numbers, in prefix order. A node is `kind, operator, count, distinct, n`: of a
 * subsignature, n is its number; of a group, n operands follow.
 */
export const NODE_NUMBERS = 5;

/** Kinds of nodes. */
export const NODE_SUBSIGNATURE = 0;
export const NODE_AND = 1;
export const NODE_OR = 2;

/** Operators of a node; NONE is "at least one match". */
export const COUNT_NONE = 0;
export const COUNT_EQUAL = 1;
export const COUNT_ABOVE = 2;
export const COUNT_BELOW = 3;

const OPERATORS: Readonly<Record<MatchCount['operator'], number>> = {
  '=': COUNT_EQUAL,
  '>': COUNT_ABOVE,
  '<': COUNT_BELOW,
};
const COUNT_MAX = 0x7fffffff;

/** Writes the code of `node` through `push`. */
export function encodeExpression(node: LogicalNode, push: (number: number) => void): void {
  const operator = node.count === undefined ? COUNT_NONE : OPERATORS[node.count.operator];
  const count = Math.min(node.count?.count ?? 0, COUNT_MAX);
  const distinct = Math.min(node.count?.distinct ?? 0, COUNT_MAX);
  if (node.kind === 'subsignature') {
    for (const number of [NODE_SUBSIGNATURE, operator, count, distinct, node.index]) push(number);
    return;
  }
  const kind = node.kind === 'and' ? NODE_AND : NODE_OR;
  for (const number of [kind, operator, count, distinct, node.operands.length]) push(number);
  for (const operand of node.operands) encodeExpression(operand, push);
}
