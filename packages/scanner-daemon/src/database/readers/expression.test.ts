import { describe, expect, test } from '@jest/globals';
import type { LogicalNode } from '../model/logical-signature.js';
import { readExpression } from './expression.js';

/** The tree in prefix form: `&(0 |(1 2>3,1))`. */
function shown(node: LogicalNode): string {
  const { count } = node;
  const distinct = count?.distinct === undefined ? '' : `,${count.distinct}`;
  const suffix = count === undefined ? '' : `${count.operator}${count.count}${distinct}`;
  return node.kind === 'subsignature'
    ? `${node.index}${suffix}`
    : `${node.kind === 'and' ? '&' : '|'}(${node.operands.map(shown).join(' ')})${suffix}`;
}

describe('readExpression', () => {
  /** Truth tables of clamscan 1.4.6 show the grouping. */
  test.each([
    ['0', '0'],
    ['0&1&2', '&(0 1 2)'],
    ['0|1&2', '|(0 &(1 2))'],
    ['0&1|2', '&(0 |(1 2))'],
    ['0&1|2&0', '&(0 |(1 &(2 0)))'],
    ['(0|1)&2', '&(|(0 1) 2)'],
    ['0|1|2&0', '|(0 1 &(2 0))'],
    ['0=2', '0=2'],
    ['0>2,a', '0>2'],
    ['0>=2', '0=2'],
    ['0=>2', '0>2'],
    ['0=<2', '0<2'],
    ['0==2', '0=2'],
    ['0=1=2', '0=2'],
    ['0=-1', '0=4294967295'],
    ['0=4294967297', '0=1'],
    ['0,9', '0'],
    ['0a', '0'],
    ['+0', '0'],
    ['(0|1)>1,2', '|(0 1)>1,2'],
    ['(0|1)=1,', '|(0 1)=1,0'],
    ['((0&1)|2)=2', '|(&(0 1) 2)=2'],
    ['(0>1)&1', '&(0>1 1)'],
  ])('%s groups as %s', (text, expected) => {
    const read = readExpression(text);
    expect(read?.kind === 'expression' ? shown(read.root) : read).toBe(expected);
  });

  test.each([
    '',
    '()',
    '0&',
    '&0',
    '0&&1',
    '(0',
    '0)',
    '(0)(1)',
    '0(1)',
    '(0)1',
    'a',
    '-1',
    '0=',
    '0=a',
    '(0)=1',
    '((0|1))=2',
    '(0=1)=1',
    '(0|1)>=2',
    '(0|1)=1a',
    '64',
  ])('%j is malformed', (text) => {
    expect(readExpression(text)).toBeUndefined();
  });

  /** clamscan 1.4.6 takes 2,000 of them. */
  test.each([65, 2000, 100_000])('%i brackets are more than is followed, and no overflow', (count) => {
    expect(readExpression(`${'('.repeat(count)}0&1${')'.repeat(count)}`)).toEqual({ kind: 'tooDeep' });
  });

  test('brackets that do not close are malformed however many there are', () => {
    expect(readExpression(`${'('.repeat(2000)}0&1${')'.repeat(1999)}`)).toBeUndefined();
  });

  test('64 brackets are followed', () => {
    const read = readExpression(`${'('.repeat(64)}0&1${')'.repeat(64)}`);
    expect(read?.kind === 'expression' ? shown(read.root) : read).toBe('&(0 1)');
  });
});

test('operators that take turns without brackets are levels too, and bounded', () => {
  const turns = (count: number): string => Array.from({ length: count }, () => '0&0|0').join('&');
  expect(readExpression(turns(20))).toMatchObject({ kind: 'expression' });
  // clamscan 1.4.6 takes it.
  expect(readExpression(turns(2000))).toEqual({ kind: 'tooDeep' });
});
