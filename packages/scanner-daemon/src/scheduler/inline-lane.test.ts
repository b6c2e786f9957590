import { describe, expect, test } from '@jest/globals';
import type { ScanVerdict } from '@portcullis/shared';
import { OwnedFd } from '@portcullis/shared/native';
import { createDaemonStats } from '../stats/daemon-stats.js';
import { InlineLane, type InlineLaneOptions } from './inline-lane.js';
import type { ScanJob, ScanSource } from './scan-job.js';

const clean: ScanVerdict = { kind: 'clean' };

function createLane(options: Partial<InlineLaneOptions> = {}) {
  const seen = { inline: 0, workers: 0, failures: [] as string[], nextTurn: () => undefined as unknown };
  const clock = { ms: 0 };
  const lane = new InlineLane({
    maxBytes: 65_536,
    workers: { submit: () => (seen.workers += 1) },
    scan: () => {
      seen.inline += 1;
      clock.ms += 0.5;
      return clean;
    },
    readCached: (_fd, sizeBytes) => ({ kind: 'memory', bytes: new SharedArrayBuffer(sizeBytes), sizeBytes }),
    stats: createDaemonStats({ idleTimeoutSeconds: 30, now: () => clock.ms }),
    onFailure: (reason) => seen.failures.push(reason),
    nowMs: () => clock.ms,
    nextTurn: (callback) => {
      seen.nextTurn = callback;
    },
    ...options,
  });
  return { lane, seen };
}

function memory(sizeBytes: number): ScanSource {
  return { kind: 'memory', bytes: new SharedArrayBuffer(sizeBytes), sizeBytes };
}

function submit(lane: InlineLane, source: ScanSource, more: Partial<ScanJob> = {}): ScanVerdict | undefined {
  let answer: ScanVerdict | undefined;
  lane.submit({
    source,
    task: 'INSTREAM',
    label: 'instream(local)',
    allMatch: false,
    priority: 'single',
    onVerdict: (verdict) => {
      answer = verdict;
    },
    ...more,
  });
  return answer;
}

describe('InlineLane', () => {
  test('answers a small source before submit returns, and closes its descriptor', () => {
    const { lane } = createLane();
    const closed: number[] = [];
    const fd = new OwnedFd({ close: (number) => closed.push(number) }, 4711);
    expect(submit(lane, { kind: 'fd', fd, sizeBytes: 65_536 })).toEqual(clean);
    expect(closed).toEqual([4711]);
  });

  test('leaves large sources and paths to the workers', () => {
    const { lane, seen } = createLane();
    submit(lane, memory(65_537));
    submit(lane, { kind: 'path', path: Buffer.from('/etc/passwd') });
    expect(seen).toMatchObject({ inline: 0, workers: 2 });
  });

  test('does not ask for the signal of a job that it answers', () => {
    const { lane, seen } = createLane();
    let asked = 0;
    const verdicts: ScanVerdict[] = [];
    lane.submit({
      source: memory(10),
      task: 'INSTREAM',
      label: 'instream(local)',
      allMatch: false,
      priority: 'single',
      get signal() {
        asked += 1;
        return AbortSignal.abort();
      },
      onVerdict: (verdict) => verdicts.push(verdict),
    });
    expect([asked, seen.inline, verdicts]).toEqual([0, 1, [clean]]);
  });

  test('is off at 0 bytes, for empty sources too', () => {
    const { lane, seen } = createLane({ maxBytes: 0 });
    submit(lane, memory(0));
    expect(seen).toMatchObject({ inline: 0, workers: 1 });
  });

  test('does 2 ms of work a turn, and goes on in the next', () => {
    const { lane, seen } = createLane();
    for (let n = 0; n < 10; n += 1) submit(lane, memory(10));
    expect(seen).toMatchObject({ inline: 4, workers: 6 });
    seen.nextTurn();
    submit(lane, memory(10));
    expect(seen).toMatchObject({ inline: 5, workers: 6 });
  });

  test('gives a worker what it could not finish in its own small limits', () => {
    const { lane, seen } = createLane({ scan: () => ({ kind: 'incomplete', reason: 'timeLimit' }) });
    expect(submit(lane, memory(10))).toBeUndefined();
    expect(seen.workers).toBe(1);
  });

  test('turns an exception of the engine into a failed verdict', () => {
    const { lane, seen } = createLane({
      scan: () => {
        throw new Error('a bug');
      },
    });
    expect(submit(lane, memory(10))).toEqual({ kind: 'failed', message: 'Unspecified error' });
    expect(seen.failures).toEqual(['inlineScanCrashed']);
  });

  test('waits for no file: one that is not cached goes to a worker, whole and still open', () => {
    const closed: number[] = [];
    const fd = new OwnedFd({ close: (number) => closed.push(number) }, 4711);
    const asked: number[][] = [];
    const { lane, seen } = createLane({ readCached: (...call) => void asked.push(call) });
    expect(submit(lane, { kind: 'fd', fd, sizeBytes: 5 })).toBeUndefined();
    expect(seen).toMatchObject({ inline: 0, workers: 1 });
    expect([asked, closed]).toEqual([[[4711, 5]], []]);
  });

  test('counts the time of a read that came to nothing', () => {
    const clock = { ms: 0 };
    const { lane } = createLane({
      nowMs: () => clock.ms,
      readCached: () => {
        clock.ms += 1;
        return undefined;
      },
    });
    const submitFd = (): void => {
      submit(lane, { kind: 'fd', fd: new OwnedFd({ close: () => undefined }, 4711), sizeBytes: 5 });
    };
    for (let n = 0; n < 5; n += 1) submitFd();
    expect(clock.ms).toBe(2);
  });
});
