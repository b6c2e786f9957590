import { describe, expect, test } from '@jest/globals';
import { makeSnapshot } from './make-snapshot.js';
import type { SnapshotInputs } from './make-snapshot.js';
import { duration, formatStatusText } from './status-text.js';
import { snapshotInputs } from './testing/snapshot-inputs.js';

const textOf = (changed: Partial<SnapshotInputs> = {}): string =>
  formatStatusText(makeSnapshot(snapshotInputs(changed)));

describe('formatStatusText', () => {
  test('tells a newcomer what is protected, how many were denied and why', () => {
    const text = textOf();
    expect(text).toContain('prevention: an infected file cannot be opened');
    expect(text).toContain('/srv  protected, 12,345 directories');
    expect(text).toContain('unix:/run/clamav/clamd.ctl: connected for 2 h 5 min (pid 815)');
    expect(text).toContain('Opens since the start: 1,009 allowed, 1 denied');
    expect(text).toMatch(/^ +1 {2}infected$/m);
    expect(text).not.toContain('NOT ALL IS WELL');
  });

  test('puts what is amiss where it cannot be missed, with the way to the doctor', () => {
    const { daemon } = snapshotInputs();
    const text = textOf({ daemon: { ...daemon, state: 'down', reason: 'connection refused' } });
    expect(text).toContain('NOT ALL IS WELL\n  - the daemon is away: connection refused\n');
    expect(text).toContain('onacc-client doctor');
  });

  test('says of each problem what it means', () => {
    const { coverage } = snapshotInputs();
    const issues = [
      { path: '/srv/x', code: 'EACCES', what: 'notMarked', count: 1_200 },
      { path: '/srv/y', code: 'XDEV', what: 'otherDevice', count: 1 },
      { path: '/srv/z', code: 'ENOSPC', what: 'notFollowed', count: 1, advice: 'raise the sysctl' },
    ] as const;
    const roots = [{ path: '/srv', state: 'partial', directories: 1, issues }] as const;
    const text = textOf({ coverage: { ...coverage, roots } });
    expect(text).toContain('/srv  PROTECTED IN PART, 1 directory\n');
    expect(text).toContain('/srv/x: cannot be marked: opens in it are not seen (EACCES, 1,200 times)');
    expect(text).toContain('new directories in it are not seen (ENOSPC): raise the sysctl');
    expect(text).toContain('give it an OnAccessIncludePath of its own');
  });

  test('shows a few of many problems', () => {
    const { coverage } = snapshotInputs();
    const issues = Array.from({ length: 120 }, (_, index) => {
      return { path: `/srv/${index}`, code: 'EACCES', what: 'notRead', count: 1 } as const;
    });
    const roots = [{ path: '/srv', state: 'partial', directories: 1, issues }] as const;
    expect(textOf({ coverage: { ...coverage, roots } })).toContain('and 110 problems more');
  });

  test('never lets a path write lines of its own', () => {
    const { coverage } = snapshotInputs();
    const roots = [
      { path: '/srv\n/etc  protected', state: 'protected', directories: 1, issues: [] },
    ] as const;
    expect(textOf({ coverage: { ...coverage, roots } })).toContain('/srv\\n/etc  protected  protected');
  });

  test('speaks of no denials where nothing can be denied', () => {
    const text = textOf({
      kernel: { mode: 'notify-only', description: 'inotify' },
      preventionWanted: false,
    });
    expect(text).toContain('notify-only: OnAccessPrevention is off. Infected files are told of in the log');
    expect(text).toContain('Opens since the start: 1,010 seen');
    expect(text).toContain('Nothing is denied in this state');
  });

  test('names the action, lost events and dropped lines once there are any', () => {
    const { coverage } = snapshotInputs();
    const text = textOf({
      actions: { kind: 'move', counts: { done: 3, failed: 1 } },
      coverage: { ...coverage, overflows: 2 },
      logLinesDropped: 5,
    });
    expect(text).toContain('action move  3 done, 1 failed');
    expect(text).toContain('lost events       2 times');
    expect(text).toContain('5 lines dropped');
  });
});

test.each([
  [5, '5 s'],
  [65, '1 min'],
  [7_500, '2 h 5 min'],
  [200_000, '2 d 7 h'],
])('%d seconds read as %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
