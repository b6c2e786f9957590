import { describe, expect, test } from '@jest/globals';
import { readLdbLine } from '../../database/readers/ldb-line.js';
import { chooseMatches } from './choose-matches.js';

/** The first way to satisfy an expression over bodies, as `subsignature: count`. */
function firstWay(expression: string, subsignatures: readonly string[]): Record<string, number> | undefined {
  const line = readLdbLine(['X', 'Engine:51-255,Target:0', expression, ...subsignatures].join(';'));
  if (line.kind !== 'logical') throw new Error(line.kind);
  const [way] = chooseMatches(line, () => 1);
  return way && Object.fromEntries(way);
}

const BODIES = ['61616161', '62626262', '63636363'];

describe('choosing what matches', () => {
  test.each([
    ['0&1&2', { 0: 1, 1: 1, 2: 1 }],
    ['0|(1&2)', { 0: 1 }],
    ['0&1=0&2', { 0: 1, 2: 1 }],
    ['0>3&1&2', { 0: 4, 1: 1, 2: 1 }],
    ['0=2&1&2<3', { 0: 2, 1: 1, 2: 1 }],
    ['(0|1|2)>3,2', { 0: 3, 1: 1 }],
    ['(0|1|2)=2', { 0: 2 }],
    ['(0|1)=0&2', { 2: 1 }],
    ['(0&1)=0&2', { 2: 1 }],
    ['(0&1)>2&2', { 0: 2, 1: 1, 2: 1 }],
  ])('%s takes %j', (expression, expected) => {
    expect(firstWay(expression, BODIES)).toEqual(expected);
  });

  test('adds the trigger of an expression', () => {
    expect(firstWay('1', ['61616161', '0/abc/'])).toEqual({ 0: 1, 1: 1 });
  });

  test('has no way where nothing satisfies it', () => {
    expect(firstWay('0<0', ['61616161'])).toBeUndefined();
  });

  test('builds no thousands of matches', () => {
    expect(firstWay('0>100000', ['61616161'])).toBeUndefined();
  });
});
