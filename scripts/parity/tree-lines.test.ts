import { describe, expect, test } from '@jest/globals';
import type { Answer } from './ask.js';
import { compareTreeLines } from './tree-lines.js';

function said(...lines: readonly string[]): Answer {
  return { kind: 'answered', lines };
}

describe('compareTreeLines', () => {
  test('the same lines in another order: alike in MULTISCAN, one difference in CONTSCAN', () => {
    const pair = { clamd: said('a', 'b', 'c'), ours: said('a', 'c', 'b') };
    expect(compareTreeLines('multiscan', pair)).toEqual([]);
    expect(compareTreeLines('contscan', pair)).toEqual(['another order from line 2 on: clamd: b / ours: c']);
  });

  test.each(['contscan', 'multiscan'] as const)('%s: the same lines are alike', (mode) => {
    expect(compareTreeLines(mode, { clamd: said('a', 'b'), ours: said('a', 'b') })).toEqual([]);
  });

  test('lines of one side are told, repetitions too', () => {
    const pair = { clamd: said('a', 'a', 'b'), ours: said('a', 'b', 'c') };
    expect(compareTreeLines('multiscan', pair)).toEqual(['only clamd: a', 'only ours: c']);
  });

  test('no answer on both sides is a difference on each', () => {
    const silent: Answer = { kind: 'noAnswer', why: 'gone' };
    expect(compareTreeLines('contscan', { clamd: silent, ours: silent })).toEqual([
      'clamd: (gone)',
      'ours: (gone)',
    ]);
    expect(compareTreeLines('contscan', { clamd: said('a'), ours: silent })).toEqual(['ours: (gone)']);
  });
});
