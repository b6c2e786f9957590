import { afterEach, describe, expect, test } from '@jest/globals';
import type { ScanVerdict } from '@portcullis/shared';
import { OwnedFd } from '@portcullis/shared/native';
import { createDaemonStats } from '../stats/daemon-stats.js';
import type { FailureReason } from '../failure-actions.js';
import { BATCH_JOBS_MAX, type WorkerStartup } from './messages.js';
import { ThreadWorker } from './pool-worker.js';
import type { ScanJob } from './scan-job.js';
import { ScanPool } from './scan-pool.js';

/** A scan thread that does what the path says, so that a test can make it die, hang or take its time. */
const SCRIPT = `
import { parentPort, workerData } from 'node:worker_threads';
const control = new Int32Array(workerData.control);
let database = workerData.database;
if (database === 'broken') throw new Error('broken database');
if (database === 'dies') process.exit(3);
parentPort.on('message', (message) => {
  if (message.kind === 'database') { database = message.database; return; }
  const reports = [];
  for (const [slot, { jobId, source }] of message.requests.entries()) {
    Atomics.store(control, 0, jobId);
    const isCancelled = () => Atomics.load(control, 1 + slot) === 1;
    const order = source.kind === 'path' ? Buffer.from(source.path).toString() : 'clean';
    if (order === 'crash') throw new Error('a bug');
    if (order === 'exit') process.exit(7);
    if (order === 'hang') for (;;);
    if (order === 'untilCancelled') while (!isCancelled());
    if (order.startsWith('busy')) { const end = Date.now() + Number(order.slice(4)); while (Date.now() < end); }
    reports.push({ jobId, verdict: order === 'which'
      ? { kind: 'infected', signatureNames: [database] } : { kind: 'clean' } });
  }
  Atomics.store(control, 0, 0);
  parentPort.postMessage({ kind: 'reports', reports });
});
parentPort.postMessage({ kind: 'ready' });
`;
const ENTRY = new URL(`data:text/javascript,${encodeURIComponent(SCRIPT)}`);

const pools: ScanPool[] = [];
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.stop(0);
});

function createPool(
  options: { threads?: number; queueLimit?: number; hangAfterMs?: number; database?: string } = {},
) {
  const failures: FailureReason[] = [];
  const stats = createDaemonStats({ idleTimeoutSeconds: 30, now: () => performance.now() });
  // The script above takes any text for a database.
  const startupOf = (database: string): WorkerStartup =>
    ({ database, engineOptions: {} }) as unknown as WorkerStartup;
  let startup = startupOf(options.database ?? 'first');
  const pool = new ScanPool({
    startWorker: (events) => new ThreadWorker(ENTRY, startup, events),
    batchJobsMax: BATCH_JOBS_MAX,
    threads: options.threads ?? 1,
    queueLimit: options.queueLimit ?? 100,
    hangAfterMs: options.hangAfterMs ?? 10_000,
    stats,
    onFailure: (reason) => failures.push(reason),
  });
  pools.push(pool);
  const replaceDatabase = (database: string): void => {
    startup = startupOf(database);
    pool.replaceDatabase(startup.database);
  };
  return { pool, failures, stats, replaceDatabase };
}

function scan(
  pool: ScanPool,
  order: string,
  more: Partial<ScanJob> = {},
): Promise<ScanVerdict> & { calls: number[] } {
  const calls: number[] = [];
  const promise = new Promise<ScanVerdict>((resolve) => {
    pool.submit({
      source: { kind: 'path', path: Buffer.from(order) },
      task: 'SCAN',
      label: order,
      allMatch: false,
      priority: 'single',
      onVerdict: (verdict) => {
        calls.push(1);
        resolve(verdict);
      },
      ...more,
    });
  });
  return Object.assign(promise, { calls });
}

function ownedFd(): { fd: OwnedFd; closed: number[] } {
  const closed: number[] = [];
  return { fd: new OwnedFd({ close: (fd) => closed.push(fd) }, 4711), closed };
}

const clean: ScanVerdict = { kind: 'clean' };
const aborted: ScanVerdict = { kind: 'failed', message: 'Process aborted' };
const cancelled: ScanVerdict = { kind: 'incomplete', reason: 'cancelled' };

describe('ScanPool', () => {
  test('answers every job once, in many small batches over two threads', async () => {
    const { pool, stats } = createPool({ threads: 2, queueLimit: 1000 });
    expect(await pool.start()).toBe(2);
    const memory = { kind: 'memory', bytes: new SharedArrayBuffer(8), sizeBytes: 8 } as const;
    const jobs = Array.from({ length: 500 }, () => scan(pool, 'clean', { source: memory }));
    expect(await Promise.all(jobs)).toEqual(jobs.map(() => clean));
    expect(jobs.every((job) => job.calls.length === 1)).toBe(true);
    expect(stats.snapshot()).toMatchObject({
      queuedItems: 0,
      tasks: [],
      threads: { live: 2, idle: 2, max: 2 },
    });
  });

  test('keeps the descriptor open until the worker has reported, and closes it once', async () => {
    const { pool } = createPool();
    await pool.start();
    const { fd, closed } = ownedFd();
    const report = scan(pool, '', { source: { kind: 'fd', fd, sizeBytes: 3 } });
    expect(closed).toEqual([]);
    expect(await report).toEqual(clean);
    expect(closed).toEqual([4711]);
  });

  test.each(['crash', 'exit'])(
    'fails only the job that makes its worker die (%s) and replaces the worker',
    async (order) => {
      const { pool, failures } = createPool();
      await pool.start();
      const reports = await Promise.all([scan(pool, order), scan(pool, 'clean')]);
      expect(reports).toEqual([aborted, clean]);
      expect(failures).toEqual(['workerCrashed']);
    },
  );

  test('gives the jobs that shared a batch with a fatal one to the next worker', async () => {
    const { pool, failures } = createPool();
    await pool.start();
    const memory = { kind: 'memory', bytes: new SharedArrayBuffer(8), sizeBytes: 8 } as const;
    const first = scan(pool, 'busy50');
    // These wait behind the first: small ones, then the fatal one, which begins a batch of its own.
    const others = [
      scan(pool, 'clean', { source: memory }),
      scan(pool, 'crash'),
      scan(pool, 'clean', { source: memory }),
    ];
    expect(await first).toEqual(clean);
    expect(await Promise.all(others)).toEqual([clean, aborted, clean]);
    expect(failures).toEqual(['workerCrashed']);
  });

  test('terminates a worker that hangs, answers its job with a time limit and serves the next one', async () => {
    const { pool, failures } = createPool({ hangAfterMs: 200 });
    await pool.start();
    const reports = await Promise.all([scan(pool, 'hang'), scan(pool, 'clean')]);
    expect(reports).toEqual([{ kind: 'failed', message: 'Exceeded time limit' }, clean]);
    expect(failures).toEqual(['workerHung']);
  });

  test.each(['broken', 'dies'])(
    'never starts a worker again that dies while starting (%s)',
    async (database) => {
      const { pool, failures } = createPool({ threads: 2, database });
      expect(await pool.start()).toBe(0);
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(failures).toEqual(['workerBrokenStart', 'workerBrokenStart', 'noWorkersLeft']);
      expect(await scan(pool, 'clean')).toEqual(aborted);
    },
  );

  test('starts its workers again when another database comes', async () => {
    const { pool, replaceDatabase } = createPool({ database: 'broken' });
    await pool.start();
    // The script above takes any text for a database.
    replaceDatabase('second');
    expect(await scan(pool, 'which')).toEqual({ kind: 'infected', signatureNames: ['second'] });
  });

  test('lets scans that run finish on the database they began with', async () => {
    const { pool, replaceDatabase } = createPool();
    await pool.start();
    const before = scan(pool, 'which');
    replaceDatabase('second');
    expect(await before).toEqual({ kind: 'infected', signatureNames: ['first'] });
    expect(await scan(pool, 'which')).toEqual({ kind: 'infected', signatureNames: ['second'] });
  });

  test('drops a cancelled job from the queue and lets go of its descriptor', async () => {
    const { pool } = createPool();
    await pool.start();
    const running = scan(pool, 'busy100');
    const client = new AbortController();
    const { fd, closed } = ownedFd();
    const waiting = scan(pool, '', { source: { kind: 'fd', fd, sizeBytes: 3 }, signal: client.signal });
    client.abort();
    expect(await waiting).toEqual(cancelled);
    expect(closed).toEqual([4711]);
    expect(await running).toEqual(clean);
  });

  test('tells a running job to stop when its client is gone', async () => {
    const { pool } = createPool();
    await pool.start();
    const client = new AbortController();
    const running = scan(pool, 'untilCancelled', { signal: client.signal });
    setTimeout(() => {
      client.abort();
    }, 30);
    expect(await running).toEqual(cancelled);
    expect(running.calls).toHaveLength(1);
  });

  test('reports a job whose client was gone before it came', async () => {
    const { pool } = createPool();
    await pool.start();
    const { fd, closed } = ownedFd();
    const job = scan(pool, '', { source: { kind: 'fd', fd, sizeBytes: 3 }, signal: AbortSignal.abort() });
    expect(await job).toEqual(cancelled);
    expect(closed).toEqual([4711]);
  });

  test('refuses a job when the queue is full, through the job', async () => {
    const { pool, failures } = createPool({ queueLimit: 2 });
    await pool.start();
    const jobs = ['busy50', 'clean', 'clean', 'clean'].map((order) => scan(pool, order));
    expect(await Promise.all(jobs)).toEqual([
      clean,
      clean,
      clean,
      { kind: 'failed', message: "Can't allocate memory" },
    ]);
    expect(failures).toEqual(['queueFull']);
  });

  test('stop: answers what waits, lets what runs finish, and takes nothing more', async () => {
    const { pool } = createPool();
    await pool.start();
    const jobs = [scan(pool, 'busy100'), scan(pool, 'clean')];
    await pool.stop(5000);
    expect(await Promise.all(jobs)).toEqual([clean, aborted]);
    expect(await scan(pool, 'clean')).toEqual(aborted);
  });

  test('stop: ends a running scan that outlasts the grace', async () => {
    const { pool } = createPool();
    await pool.start();
    const { fd, closed } = ownedFd();
    const job = scan(pool, 'hang');
    const waiting = scan(pool, '', { source: { kind: 'fd', fd, sizeBytes: 3 } });
    await pool.stop(50);
    expect(await Promise.all([job, waiting])).toEqual([aborted, aborted]);
    expect(closed).toEqual([4711]);
  });

  test('suspended: what waits and what comes is answered with an error, and what runs is let finish', async () => {
    const { pool, failures } = createPool();
    await pool.start();
    const { fd, closed } = ownedFd();
    const running = scan(pool, 'busy100');
    const waiting = scan(pool, '', { source: { kind: 'fd', fd, sizeBytes: 3 } });
    pool.suspend();
    expect(await waiting).toEqual(aborted);
    expect(closed).toEqual([4711]);
    expect(await scan(pool, 'clean')).toEqual(aborted);
    expect(await running).toEqual(clean);
    expect(await scan(pool, 'clean')).toEqual(aborted);
    expect(failures).toEqual([]);
  });

  test('resumed: serves again, and a second resume changes nothing', async () => {
    const { pool } = createPool();
    await pool.start();
    pool.suspend();
    pool.suspend();
    expect(await scan(pool, 'clean')).toEqual(aborted);
    pool.resume();
    pool.resume();
    expect(await Promise.all([scan(pool, 'clean'), scan(pool, 'clean')])).toEqual([clean, clean]);
  });

  test('a worker that dies while suspended is replaced, and serves when the pool is resumed', async () => {
    const { pool, failures } = createPool();
    await pool.start();
    const running = scan(pool, 'busy100');
    pool.suspend();
    await running;
    pool.resume();
    const crash = scan(pool, 'crash');
    pool.suspend();
    expect(await crash).toEqual(aborted);
    pool.resume();
    expect(await scan(pool, 'clean')).toEqual(clean);
    expect(failures).toEqual(['workerCrashed']);
  });
});
