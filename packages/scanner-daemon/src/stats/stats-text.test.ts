import { describe, expect, test } from '@jest/globals';
import { createDaemonStats } from './daemon-stats.js';
import { formatStats } from './stats-text.js';

function build() {
  let nowMs = 0;
  const stats = createDaemonStats({ idleTimeoutSeconds: 30, now: () => nowMs });
  stats.state('VALID');
  stats.threads(2, 10);
  stats.database(6_168_772, 6_253_706);
  return { stats, advance: (ms: number) => (nowMs += ms) };
}

describe('formatStats', () => {
  test('prints an idle daemon as clamd does', () => {
    const { stats } = build();
    stats.threads(1, 10);
    const task = stats.started('SCAN', '');
    expect(formatStats(stats.snapshot())).toBe(
      'POOLS: 1\n\nSTATE: VALID PRIMARY\nTHREADS: live 1  idle 0 max 10 idle-timeout 30\nQUEUE: 0 items\n' +
        '\tSCAN 0.000000 \n\nMEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools 1 ' +
        'pools_used 5.883M pools_total 5.964M\nEND',
    );
    stats.ended(task);
  });

  test('prints what waits, each queue for itself, and tasks with the newest first', () => {
    const { stats, advance } = build();
    const bulk = stats.queued('bulk');
    advance(1000);
    stats.queued('single');
    advance(500);
    stats.queued('single');
    stats.started('SCAN', '/srv/big1');
    advance(500);
    stats.started('FILDES', 'fd[12]');
    const text = formatStats(stats.snapshot());
    expect(text).toContain(
      'QUEUE: 3 items min_wait: 2.000000 max_wait: 2.000000 avg_wait: 2.000000' +
        ' min_wait: 0.500000 max_wait: 1.000000 avg_wait: 0.750000\n' +
        '\tFILDES 0.000000 fd[12]\n\tSCAN 0.500000 /srv/big1\n',
    );
    stats.dequeued(bulk);
    expect(formatStats(stats.snapshot())).toContain('QUEUE: 2 items min_wait: 0.500000');
  });

  test('STATS lists itself without making a worker busy', () => {
    const { stats } = build();
    const task = stats.started('STATS', '');
    expect(formatStats(stats.snapshot())).toContain('live 2  idle 2 max 10');
    stats.ended(task);
    expect(formatStats(stats.snapshot())).not.toContain('\tSTATS');
  });

  test('keeps a path with line ends or NULs on its line, and short enough for clamdtop', () => {
    const { stats } = build();
    stats.started('SCAN', `/a\nEND\0${'x'.repeat(5000)}`);
    const line = formatStats(stats.snapshot())
      .split('\n')
      .find((each) => each.startsWith('\t'))!;
    expect(line).toContain('/a?END?xxx');
    expect(line.length).toBeLessThan(1000);
  });

  test('before the first database and at the end the state says so', () => {
    const fresh = createDaemonStats({ idleTimeoutSeconds: 30, now: () => 0 });
    expect(formatStats(fresh.snapshot())).toContain('STATE: INVALID PRIMARY');
    fresh.state('EXIT');
    expect(formatStats(fresh.snapshot())).toContain('STATE: EXIT PRIMARY');
  });
});
