import { describe, expect, test } from '@jest/globals';
import { failurePolicy } from '../failure-actions.js';
import { decide, FAILURE_CAUSES, outcomeOfVerdict } from './decide.js';
import type { Decision, FailureCause } from './decide.js';

const ANSWERS = ['allow', 'deny'] as const;

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
    ['stopping', 'allow', 'allow'],
  ];

  test('has a row for every cause', () => {
    expect(table.map(([cause]) => cause).sort()).toEqual([...FAILURE_CAUSES].sort());
  });

  test.each(table)('%s is %s by default and %s with OnAccessDenyOnError', (cause, byDefault, onError) => {
    expect(decide({ kind: 'failed', cause }, failurePolicy({ denyOnError: false }))).toBe(byDefault);
    expect(decide({ kind: 'failed', cause }, failurePolicy({ denyOnError: true }))).toBe(onError);
  });

  test.each(table)('%s: what ONACC_ON_… says goes before the rest, and moves no other row', (cause) => {
    for (const denyOnError of [true, false]) {
      for (const said of ANSWERS) {
        const policy = failurePolicy({ denyOnError, overrides: { [cause]: said } });
        expect(policy).toEqual({ ...failurePolicy({ denyOnError }), [cause]: said });
      }
    }
  });

  test('a variable that is not set changes nothing', () => {
    expect(failurePolicy({ denyOnError: true, overrides: { timeout: undefined } }).timeout).toBe('deny');
  });

  test.each([true, false])(
    'denies what is infected and allows the rest, whatever the policy (%s)',
    (denyOnError) => {
      const policy = failurePolicy({ denyOnError });
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
