import { describe, expect, test } from '@jest/globals';
import { ScanBudget, UNPACKED_SIZE_MAX_BYTES } from './scan-budget.js';

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

describe('ScanBudget of what is unpacked', () => {
  test('counts the input itself as the first file', () => {
    const budget = new ScanBudget({ limits: { ...UNLIMITED, maxFiles: 2 }, nowMs: () => 0 });
    expect([budget.admitFile(1), budget.admitFile(1), budget.admitFile(1)]).toEqual([true, true, false]);
    expect(budget.exceeded).toBe('tooManyFiles');
    expect(budget.isSpent).toBe(true);
  });

  test.each([
    [1, []],
    [2, [2]],
    [3, [2, 3]],
  ])('MaxRecursion %i allows these levels: %j', (maxRecursion, levels) => {
    const budget = new ScanBudget({ limits: { ...UNLIMITED, maxRecursion }, nowMs: () => 0 });
    expect([2, 3, 4].filter(() => budget.enter())).toEqual(levels);
    expect(budget.exceeded).toBe('tooDeep');
    expect(budget.isSpent).toBe(false);
  });

  test('comes back from a level', () => {
    const budget = new ScanBudget({ limits: { ...UNLIMITED, maxRecursion: 2 }, nowMs: () => 0 });
    expect(budget.enter()).toBe(true);
    budget.leave();
    expect(budget.enter()).toBe(true);
    expect(budget.exceeded).toBeUndefined();
  });

  test('is spent by MaxScanSize, not by MaxFileSize', () => {
    const limits = { ...UNLIMITED, maxFileSizeBytes: 8, maxScanSizeBytes: 10 };
    const budget = new ScanBudget({ limits, nowMs: () => 0 });
    budget.admitFile(9);
    expect(budget.isSpent).toBe(false);
    expect(budget.unpackLimitBytes).toBe(8);
    expect(budget.refuseUnpacked()).toBe('fileTooLarge');
    budget.admitFile(4);
    expect(budget.unpackLimitBytes).toBe(6);
    expect(budget.refuseUnpacked()).toBe('scanTooLarge');
    expect(budget.isSpent).toBe(true);
    expect(budget.exceeded).toBe('fileTooLarge');
  });

  test('has a limit on what is unpacked even where none is configured', () => {
    const budget = new ScanBudget({ limits: UNLIMITED, nowMs: () => 0 });
    expect(budget.unpackLimitBytes).toBe(UNPACKED_SIZE_MAX_BYTES);
    expect(budget.refuseUnpacked()).toBe('fileTooLarge');
  });
});
