import { describe, expect, test } from '@jest/globals';
import { ScanBudget } from './scan-budget.js';

const UNLIMITED = { maxFileSizeBytes: 0, maxScanSizeBytes: 0, deadlineAtMs: undefined };

describe('ScanBudget', () => {
  test('takes 0 and undefined for no limit', () => {
    const budget = new ScanBudget({ limits: UNLIMITED, nowMs: () => 1e12 });
    expect(budget.admitFile(1e12)).toBe(true);
    expect(budget.mayContinue()).toBe(true);
    expect(budget.exceeded).toBeUndefined();
  });

  test('adds up the files of one scan', () => {
    const budget = new ScanBudget({ limits: { ...UNLIMITED, maxScanSizeBytes: 10 }, nowMs: () => 0 });
    expect([budget.admitFile(6), budget.admitFile(5), budget.admitFile(4)]).toEqual([true, false, true]);
    expect(budget.exceeded).toBe('scanTooLarge');
  });

  test('ends at the deadline, not before it', () => {
    let nowMs = 9;
    const budget = new ScanBudget({ limits: { ...UNLIMITED, deadlineAtMs: 10 }, nowMs: () => nowMs });
    expect(budget.mayContinue()).toBe(true);
    nowMs = 10;
    expect(budget.mayContinue()).toBe(false);
    nowMs = 0;
    expect(budget.mayContinue()).toBe(false);
    expect(budget.exceeded).toBe('timeLimit');
  });

  test('still watches the clock after a file was skipped, and keeps the first reason', () => {
    let nowMs = 0;
    const limits = { ...UNLIMITED, maxFileSizeBytes: 1, deadlineAtMs: 10 };
    const budget = new ScanBudget({ limits, nowMs: () => nowMs });
    budget.admitFile(2);
    expect(budget.mayContinue()).toBe(true);
    nowMs = 10;
    expect(budget.mayContinue()).toBe(false);
    expect(budget.exceeded).toBe('fileTooLarge');
  });

  test('ends when cancelled', () => {
    const budget = new ScanBudget({ limits: UNLIMITED, nowMs: () => 0, isCancelled: () => true });
    expect(budget.mayContinue()).toBe(false);
    expect(budget.exceeded).toBe('cancelled');
  });
});
