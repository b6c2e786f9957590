import type { TaskName } from '../scheduler/scan-job.js';

/** What STATS calls a thread's work, beside the names of jobs (behaviour 1.12). */
export type StatsTask = TaskName | 'STATS' | 'IDLE';

/** Handed out when a task begins and handed back when it ends. */
export interface RunningTask {
  readonly task: StatsTask;
  /** What is in work: a path, `fd[12]`, `instream(local)`. */
  readonly label: string;
  /** Monotonic, milliseconds. */
  readonly startedAtMs: number;
}

/** How long the jobs now in the queue have been waiting, seconds. */
export interface QueueWaits {
  readonly items: number;
  readonly minSeconds: number;
  readonly maxSeconds: number;
  readonly avgSeconds: number;
}

/** One moment of the daemon, as STATS shows it. */
export interface StatsSnapshot {
  readonly state: 'VALID' | 'INVALID' | 'EXIT';
  /** Worker threads: alive, alive without work, and the most there may be. */
  readonly threads: { readonly live: number; readonly idle: number; readonly max: number };
  readonly idleTimeoutSeconds: number;
  readonly queuedItems: number;
  /** One entry for each queue that is not empty: bulk first, then single. */
  readonly queueWaits: readonly QueueWaits[];
  /** Newest first. */
  readonly tasks: readonly RunningTask[];
  readonly databasePools: number;
  /** Bytes held by the database, used and reserved. */
  readonly databaseUsedBytes: number;
  readonly databaseTotalBytes: number;
  /** Monotonic, milliseconds: what task ages are counted from. */
  readonly takenAtMs: number;
}

/** Counts that only grow, for metrics and the closing log line. */
export interface DaemonCounters {
  connections: number;
  commands: number;
  jobs: number;
  clean: number;
  infected: number;
  incomplete: number;
  failed: number;
  protocolViolations: number;
  clientsGone: number;
  repliesDropped: number;
}

/** Which of the two queues a job waits in. */
export type QueueName = 'single' | 'bulk';

/** A job's place in the queue, from the moment it waits to the moment it is taken. */
export interface QueuedItem {
  readonly queue: QueueName;
  /** Monotonic, milliseconds. */
  readonly queuedAtMs: number;
}

/** Where the scan side reports to and what STATS reads. One instance a daemon; main thread only. */
export interface DaemonStats {
  readonly counters: DaemonCounters;
  /** A job begins to wait. Give the returned object back to {@link DaemonStats.dequeued}. */
  queued(queue: QueueName): QueuedItem;
  /** It waits no longer: taken, dropped or refused. */
  dequeued(item: QueuedItem): void;
  /** A worker took something up. Give the returned object back to {@link DaemonStats.ended}. */
  started(task: StatsTask, label: string): RunningTask;
  ended(task: RunningTask): void;
  /** The worker pool changed its size. */
  threads(live: number, max: number): void;
  /** A database went into use. */
  database(usedBytes: number, totalBytes: number): void;
  /** `INVALID` until the first database is in, `EXIT` once the daemon is going down. */
  state(state: StatsSnapshot['state']): void;
  snapshot(): StatsSnapshot;
}

/** @param options.idleTimeoutSeconds IdleTimeout of clamd.conf, shown only. */
export function createDaemonStats(options: {
  idleTimeoutSeconds: number;
  /** Monotonic clock, milliseconds. */
  now: () => number;
}): DaemonStats {
  const running = new Set<RunningTask>();
  const waiting = { single: new Set<QueuedItem>(), bulk: new Set<QueuedItem>() };
  const pool = { live: 0, max: 0 };
  const memory = { usedBytes: 0, totalBytes: 0 };
  let state: StatsSnapshot['state'] = 'INVALID';

  return {
    counters: emptyCounters(),
    queued(queue) {
      const item: QueuedItem = { queue, queuedAtMs: options.now() };
      waiting[queue].add(item);
      return item;
    },
    dequeued(item) {
      waiting[item.queue].delete(item);
    },
    started(task, label) {
      const entry: RunningTask = { task, label, startedAtMs: options.now() };
      running.add(entry);
      return entry;
    },
    ended(task) {
      running.delete(task);
    },
    threads(live, max) {
      pool.live = live;
      pool.max = max;
    },
    database(usedBytes, totalBytes) {
      memory.usedBytes = usedBytes;
      memory.totalBytes = totalBytes;
    },
    state(next) {
      state = next;
    },
    snapshot() {
      const takenAtMs = options.now();
      return {
        state,
        threads: { live: pool.live, idle: Math.max(0, pool.live - busyThreads(running)), max: pool.max },
        idleTimeoutSeconds: options.idleTimeoutSeconds,
        queuedItems: waiting.bulk.size + waiting.single.size,
        queueWaits: [waits(waiting.bulk, takenAtMs), waits(waiting.single, takenAtMs)].filter(
          (queue) => queue.items > 0,
        ),
        tasks: [...running].reverse(),
        databasePools: 1,
        databaseUsedBytes: memory.usedBytes,
        databaseTotalBytes: memory.totalBytes,
        takenAtMs,
      };
    },
  };
}

function emptyCounters(): DaemonCounters {
  return {
    connections: 0,
    commands: 0,
    jobs: 0,
    clean: 0,
    infected: 0,
    incomplete: 0,
    failed: 0,
    protocolViolations: 0,
    clientsGone: 0,
    repliesDropped: 0,
  };
}

/** STATS is answered by the main thread: it is listed, but keeps no worker busy. */
function busyThreads(running: ReadonlySet<RunningTask>): number {
  let busy = 0;
  for (const { task } of running) if (task !== 'STATS') busy += 1;
  return busy;
}

function waits(items: ReadonlySet<QueuedItem>, nowMs: number): QueueWaits {
  let minMs = Number.POSITIVE_INFINITY;
  let maxMs = 0;
  let sumMs = 0;
  for (const item of items) {
    const waitMs = Math.max(0, nowMs - item.queuedAtMs);
    minMs = Math.min(minMs, waitMs);
    maxMs = Math.max(maxMs, waitMs);
    sumMs += waitMs;
  }
  const empty = items.size === 0;
  return {
    items: items.size,
    minSeconds: empty ? 0 : minMs / 1000,
    maxSeconds: maxMs / 1000,
    avgSeconds: empty ? 0 : sumMs / items.size / 1000,
  };
}
