import { describe, expect, test } from '@jest/globals';
import { failurePolicy } from '../failure-actions.js';
import { decide, FAILURE_CAUSES, outcomeOfVerdict } from './decide.js';
import type { Decision, FailureCause } from './decide.js';

describe('decide', () => {
  const table: [FailureCause, Decision, Decision][] = [
    // cause, OnAccessDenyOnError no, yes
    ['tooLarge', 'allow', 'allow'],
    ['incomplete', 'allow', 'deny'],
    ['scanError', 'allow', 'deny'],
    ['timeout', 'allow', 'deny'],
    ['daemonDown', 'allow', 'deny'],
    ['overload', 'allow', 'deny'],
    ['internalError', 'allow', 'deny'],
  ];

  test('has a row for every cause', () => {
    expect(table.map(([cause]) => cause).sort()).toEqual([...FAILURE_CAUSES].sort());
  });

  test.each(table)('%s is %s by default and %s with OnAccessDenyOnError', (cause, byDefault, onError) => {
    expect(decide({ kind: 'failed', cause }, failurePolicy(false))).toBe(byDefault);
    expect(decide({ kind: 'failed', cause }, failurePolicy(true))).toBe(onError);
  });

  test.each([true, false])(
    'denies what is infected and allows the rest, whatever the policy (%s)',
    (denyOnError) => {
      const policy = failurePolicy(denyOnError);
      expect(decide({ kind: 'infected', signatureName: 'X' }, policy)).toBe('deny');
      expect(decide({ kind: 'clean' }, policy)).toBe('allow');
      expect(decide({ kind: 'skipped', reason: 'cached' }, policy)).toBe('allow');
    },
  );
});

describe('outcomeOfVerdict', () => {
  test('takes a verdict that is neither clean nor infected for a failure', () => {
    expect(outcomeOfVerdict({ kind: 'clean' })).toEqual({ kind: 'clean' });
    expect(outcomeOfVerdict({ kind: 'infected', signatureNames: ['A', 'B'] })).toEqual({
      kind: 'infected',
      signatureName: 'A',
    });
    expect(outcomeOfVerdict({ kind: 'incomplete', reason: 'timeLimit' })).toEqual({
      kind: 'failed',
      cause: 'incomplete',
    });
    expect(outcomeOfVerdict({ kind: 'failed', message: 'x' })).toEqual({
      kind: 'failed',
      cause: 'scanError',
    });
  });
});
