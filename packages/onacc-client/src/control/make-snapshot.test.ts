import { describe, expect, test } from '@jest/globals';
import { COUNTERS } from '../gate/counters.js';
import { decisionCounts, isDecidingCounter } from './decision-counts.js';
import { makeSnapshot } from './make-snapshot.js';
import { snapshotInputs } from './testing/snapshot-inputs.js';

describe('makeSnapshot', () => {
  test('a client that protects everything is degraded in nothing', () => {
    const snapshot = makeSnapshot(snapshotInputs());
    expect(snapshot).toMatchObject({
      state: 'prevention',
      mode: 'prevention',
      degraded: [],
      uptimeSeconds: 7_500,
    });
    expect(snapshot.policy.find(({ cause }) => cause === 'timeout')).toMatchObject({ decision: 'allow' });
  });

  test('survives JSON unchanged', () => {
    const snapshot = makeSnapshot(snapshotInputs());
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
  });

  test('names notify-only with its reason, and calls it degraded only where prevention was wanted', () => {
    const kernel = { mode: 'notify-only', description: 'fanotify notification events' } as const;
    const byWish = makeSnapshot(snapshotInputs({ kernel, preventionWanted: false }));
    expect(byWish).toMatchObject({ state: 'notify-only: OnAccessPrevention is off', degraded: [] });
    const degraded = { ...kernel, degraded: 'no permission events here' };
    const unwanted = makeSnapshot(snapshotInputs({ kernel: degraded }));
    expect(unwanted.state).toBe('notify-only: no permission events here');
    expect(unwanted.degraded).toEqual(['infected files are not refused: no permission events here']);
  });

  test.each([
    ['starting', 'starting'],
    ['stopping', 'stopping'],
  ] as const)('says %s while it is', (phase, state) => {
    expect(makeSnapshot(snapshotInputs({ phase })).state).toBe(state);
  });

  test('tells each place that is missing or partial, the absent daemon, stuck gates and what else is amiss', () => {
    const { coverage, daemon } = snapshotInputs();
    const issues = [{ path: '/a/b', code: 'EACCES', what: 'notMarked', count: 3 }] as const;
    const snapshot = makeSnapshot(
      snapshotInputs({
        coverage: {
          ...coverage,
          roots: [
            { path: '/gone', state: 'missing', directories: 0, issues: [] },
            { path: '/a', state: 'partial', directories: 3, issues },
          ],
        },
        daemon: { ...daemon, state: 'down', reason: 'connection refused' },
        gates: { threads: 3, stuck: 1 },
        troubles: ['the log disk is full'],
      }),
    );
    expect(snapshot.degraded).toEqual([
      'the daemon is away: connection refused',
      '/gone is not protected: there is no such directory',
      '/a is protected in part only',
      '1 of 3 gate threads are stuck on a lease or a filesystem',
      'the log disk is full',
    ]);
  });

  test('shows a bounded number of problems of a place and counts the rest', () => {
    const { coverage } = snapshotInputs();
    const issues = Array.from({ length: 250 }, (_, index) => {
      return { path: `/a/${index}`, code: 'EACCES', what: 'notRead', count: 1 } as const;
    });
    const roots = [{ path: '/a', state: 'partial', directories: 3, issues }] as const;
    const [root] = makeSnapshot(snapshotInputs({ coverage: { ...coverage, roots } })).watch.roots;
    expect(root?.issues).toHaveLength(100);
    expect(root?.moreIssues).toBe(150);
  });
});

describe('decisionCounts', () => {
  test('sums up what decided opens and nothing else', () => {
    const counters = {
      events: 100,
      clean: 5,
      infected: 2,
      cacheHits: 3,
      daemonDown: 4,
      skippedEmpty: 1,
      scans: 9,
      denied: 6,
    };
    expect(decisionCounts(counters)).toEqual({
      allowed: 9,
      denied: 6,
      byReason: { clean: 5, infected: 2, cacheHits: 3, daemonDown: 4, skippedEmpty: 1 },
    });
  });

  test('knows each skip and each failure that the gates count', () => {
    const deciding = COUNTERS.filter(isDecidingCounter);
    expect(deciding).toEqual(
      expect.arrayContaining(['clean', 'infected', 'cacheHits', 'timeout', 'overload', 'skippedOwnProcess']),
    );
    for (const name of ['events', 'scans', 'denied', 'joinedFlights', 'kernelMarks'] as const) {
      expect(deciding).not.toContain(name);
    }
  });
});
