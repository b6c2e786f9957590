import { failurePolicy } from '../../failure-actions.js';
import type { SnapshotInputs } from '../make-snapshot.js';

/** A client that has been protecting `/srv` for two hours and has found one file. */
export function snapshotInputs(changed: Partial<SnapshotInputs> = {}): SnapshotInputs {
  const startedAtMs = Date.UTC(2026, 10, 22, 8);
  return {
    nowMs: startedAtMs + 2 * 3_600_000 + 5 * 60_000,
    startedAtMs,
    pid: 4_711,
    configPath: '/etc/clamav/clamd.conf',
    phase: 'running',
    kernel: { mode: 'prevention', description: 'fanotify permission events, FD_ERROR' },
    preventionWanted: true,
    strategy: 'directory',
    coverage: {
      ...{ directories: 12_345, unlistedIssues: 0, overflows: 0, resyncs: 0, strayed: 0 },
      strategy: 'directory',
      roots: [{ path: '/srv', state: 'protected', directories: 12_345, issues: [] }],
    },
    daemon: {
      endpoint: 'unix:/run/clamav/clamd.ctl',
      state: 'up',
      since: new Date(startedAtMs).toISOString(),
      pid: 815,
    },
    policy: failurePolicy({ denyOnError: false }),
    counters: {
      events: 1_010,
      clean: 1_000,
      infected: 1,
      cacheHits: 7,
      timeout: 1,
      skippedEmpty: 1,
      denied: 1,
    },
    cacheEntriesMax: 131_072,
    queue: { held: 2, heldMax: 24_576 },
    fds: { open: 40, limit: 1_048_576 },
    gates: { threads: 3, stuck: 0 },
    actions: { kind: 'none', counts: {} },
    logLinesDropped: 0,
    ...changed,
  };
}
