import type { LogicalNode, MatchCount } from '../model/logical-signature.js';

/**
 * A logical expression as numbers, in prefix order. A node is `kind, operator, count, distinct, n`: of a
 * subsignature, n is its number; of a group, n operands follow.
 */
export const NODE_NUMBERS = 5;

/** Kinds of nodes. */
export const NODE_SUBSIGNATURE = 0;
/** Matches where all operands do. */
export const NODE_AND = 1;
/** Matches where one operand does. */
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

/** Where code is written to. */
export interface CodeTarget {
  push: (number: number) => unknown;
}

/** Writes the code of `node` behind what `code` holds. */
export function encodeExpression(node: LogicalNode, code: CodeTarget): void {
  const operator = node.count === undefined ? COUNT_NONE : OPERATORS[node.count.operator];
  const count = Math.min(node.count?.count ?? 0, COUNT_MAX);
  const distinct = Math.min(node.count?.distinct ?? 0, COUNT_MAX);
  code.push(node.kind === 'subsignature' ? NODE_SUBSIGNATURE : node.kind === 'and' ? NODE_AND : NODE_OR);
  code.push(operator);
  code.push(count);
  code.push(distinct);
  if (node.kind === 'subsignature') {
    code.push(node.index);
    return;
  }
  code.push(node.operands.length);
  for (const operand of node.operands) encodeExpression(operand, code);
}
