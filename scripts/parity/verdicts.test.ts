import { describe, expect, test } from '@jest/globals';
import type { Answer } from './ask.js';
import { compareAnswers } from './verdicts.js';

function said(...lines: readonly string[]): Answer {
  return { kind: 'answered', lines };
}
const silent: Answer = { kind: 'noAnswer', why: 'no answer within 1 s' };

describe('compareAnswers', () => {
  test('the number of the descriptor is the daemon’s own', () => {
    expect(compareAnswers('fildes', '/a', { clamd: said('fd[10]: OK'), ours: said('fd[31]: OK') })).toEqual({
      kind: 'alike',
    });
  });

  test('another signature is a difference, told without the name of the file', () => {
    const pair = { clamd: said('/a: b: One FOUND'), ours: said('/a: b: Two FOUND') };
    expect(compareAnswers('scan', '/a: b', pair)).toEqual({
      kind: 'different',
      clamd: 'One FOUND',
      ours: 'Two FOUND',
    });
  });

  test('another name in front is a difference', () => {
    const pair = { clamd: said('/a: OK'), ours: said('/A: OK') };
    expect(compareAnswers('scan', '/a', pair)).toEqual({ kind: 'different', clamd: 'OK', ours: '/A: OK' });
  });

  test('the same error is alike, and counted apart', () => {
    const pair = { clamd: said('stream: Broken ERROR'), ours: said('stream: Broken ERROR') };
    expect(compareAnswers('instream', '/a', pair)).toEqual({ kind: 'errorsAlike' });
  });

  test('another error is a difference', () => {
    const pair = { clamd: said('stream: Broken ERROR'), ours: said('stream: Torn ERROR') };
    expect(compareAnswers('instream', '/a', pair)).toMatchObject({ kind: 'different' });
  });

  test('all matches: neither order nor repetition counts', () => {
    const pair = {
      clamd: said('/a: One FOUND', '/a: Two FOUND', '/a: One FOUND'),
      ours: said('/a: Two FOUND', '/a: One FOUND'),
    };
    expect(compareAnswers('allmatch', '/a', pair)).toEqual({ kind: 'alike' });
    expect(compareAnswers('contscan', '/a', pair)).toMatchObject({ kind: 'different' });
  });

  test('all matches: one that is missing is a difference', () => {
    const pair = { clamd: said('/a: One FOUND', '/a: Two FOUND'), ours: said('/a: Two FOUND') };
    expect(compareAnswers('allmatch', '/a', pair)).toEqual({
      kind: 'different',
      clamd: 'One FOUND + Two FOUND',
      ours: 'Two FOUND',
    });
  });

  test('no answer is never alike, not even on both sides', () => {
    expect(compareAnswers('scan', '/a', { clamd: silent, ours: silent })).toMatchObject({
      kind: 'different',
      ours: '(no answer within 1 s)',
    });
    // The text of a failure is no verdict either.
    const pair = { clamd: said('/a: (no answer within 1 s)'), ours: silent };
    expect(compareAnswers('scan', '/a', pair)).toMatchObject({ kind: 'different' });
  });
});
