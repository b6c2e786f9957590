import { describe, expect, test } from '@jest/globals';
import { encodeExpression } from '../../../database/compile/expression-code.js';
import type { LogicalNode, MatchCount } from '../../../database/model/logical-signature.js';
import { evaluateExpression } from './evaluate-expression.js';

const sub = (index: number, count?: MatchCount): LogicalNode => ({ kind: 'subsignature', index, count });
const and = (...operands: LogicalNode[]): LogicalNode => ({ kind: 'and', operands, count: undefined });
const or = (...operands: LogicalNode[]): LogicalNode => ({ kind: 'or', operands, count: undefined });
const times = (operator: MatchCount['operator'], count: number, distinct?: number): MatchCount => ({
  operator,
  count,
  distinct,
});

/** @returns the outcome, and how many matches each subsignature was asked for */
function evaluate(
  node: LogicalNode,
  matches: readonly number[],
): { holds: boolean; asked: Record<number, number> } {
  const code: number[] = [];
  encodeExpression(node, code);
  const asked: Record<number, number> = {};
  const holds = evaluateExpression(Int32Array.from(code), 0, (index, limit) => {
    asked[index] = limit;
    return Math.min(matches[index] ?? 0, limit);
  });
  return { holds, asked };
}

describe('evaluateExpression', () => {
  test('a subsignature holds once it matches, or as often as its count says', () => {
    expect(evaluate(sub(0), [1]).holds).toBe(true);
    expect(evaluate(sub(0), [0]).holds).toBe(false);
    expect(evaluate(sub(0, times('=', 2)), [2]).holds).toBe(true);
    expect(evaluate(sub(0, times('=', 2)), [3]).holds).toBe(false);
    expect(evaluate(sub(0, times('>', 2)), [3]).holds).toBe(true);
    expect(evaluate(sub(0, times('>', 2)), [2]).holds).toBe(false);
    expect(evaluate(sub(0, times('<', 2)), [1]).holds).toBe(true);
    expect(evaluate(sub(0, times('=', 0)), [0]).holds).toBe(true);
    expect(evaluate(sub(0, times('=', 0)), [1]).holds).toBe(false);
  });

  test('and, or, and groups in groups', () => {
    const node = and(sub(0), or(sub(1), and(sub(2), sub(3))));
    expect(evaluate(node, [1, 1]).holds).toBe(true);
    expect(evaluate(node, [1, 0, 1, 1]).holds).toBe(true);
    expect(evaluate(node, [1, 0, 1, 0]).holds).toBe(false);
    expect(evaluate(node, [0, 1, 1, 1]).holds).toBe(false);
  });

  test('what cannot change the outcome is not searched', () => {
    expect(evaluate(and(sub(0), or(sub(1), sub(2)), sub(3)), [0, 1, 1, 1]).asked).toEqual({ 0: 1 });
    expect(evaluate(or(sub(0), and(sub(1), sub(2)), sub(3)), [1, 1, 1, 1]).asked).toEqual({ 0: 1 });
  });

  test('a group counts the matches of all below it, and how many different ones there were', () => {
    const group = (count: MatchCount): LogicalNode => ({ ...or(sub(0), sub(1), sub(2)), count });
    expect(evaluate(group(times('>', 3)), [2, 2, 0]).holds).toBe(true);
    expect(evaluate(group(times('>', 4)), [2, 2, 0]).holds).toBe(false);
    expect(evaluate(group(times('>', 3, 3)), [2, 2, 0]).holds).toBe(false);
    expect(evaluate(group(times('>', 3, 2)), [2, 2, 0]).holds).toBe(true);
    expect(evaluate(group(times('=', 0)), [0, 0, 0]).holds).toBe(true);
  });

  test('a group that does not hold counts nothing', () => {
    const counted = (count: MatchCount): LogicalNode => and(sub(0), { ...and(sub(1), sub(2)), count });
    expect(evaluate(counted(times('=', 0)), [1, 2, 0]).holds).toBe(true);
    expect(evaluate(counted(times('>', 1)), [1, 2, 0]).holds).toBe(false);
    expect(evaluate(counted(times('=', 2)), [1, 1, 1]).holds).toBe(true);
    expect(evaluate(counted(times('>', 1)), [1, 2, 1]).holds).toBe(true);
  });

  test('never searches for more matches than the counts around can tell apart', () => {
    expect(evaluate(sub(0, times('>', 5)), [9]).asked).toEqual({ 0: 6 });
    expect(evaluate({ ...or(sub(0), sub(1)), count: times('=', 3) }, [9, 9]).asked).toEqual({
      0: 4,
      1: 4,
    });
  });
});
