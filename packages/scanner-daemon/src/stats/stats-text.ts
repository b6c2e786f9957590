import type { QueueWaits, RunningTask, StatsSnapshot } from './daemon-stats.js';

const MIB = 1024 ** 2;
/** clamdtop splits longer lines (behaviour 5.2); the tab, the task and the time need their share. */
const LABEL_MAX_CHARACTERS = 900;

/** The STATS reply without its terminator (behaviour 1.12); clamdtop reads it with scanf, so every space counts. */
export function formatStats(snapshot: StatsSnapshot): string {
  const { threads } = snapshot;
  return [
    `POOLS: ${snapshot.databasePools}`,
    '',
    `STATE: ${snapshot.state} PRIMARY`,
    `THREADS: live ${threads.live}  idle ${threads.idle} max ${threads.max} idle-timeout ${snapshot.idleTimeoutSeconds}`,
    `QUEUE: ${snapshot.queuedItems} items${snapshot.queueWaits.map(formatWaits).join('')}`,
    ...snapshot.tasks.map((task) => formatTask(task, snapshot.takenAtMs)),
    '',
    `MEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools ${snapshot.databasePools} ` +
      `pools_used ${mebibytes(snapshot.databaseUsedBytes)} pools_total ${mebibytes(snapshot.databaseTotalBytes)}`,
    'END',
  ].join('\n');
}

function formatWaits(waits: QueueWaits): string {
  return ` min_wait: ${waits.minSeconds.toFixed(6)} max_wait: ${waits.maxSeconds.toFixed(6)} avg_wait: ${waits.avgSeconds.toFixed(6)}`;
}

function formatTask(task: RunningTask, nowMs: number): string {
  const seconds = Math.max(0, nowMs - task.startedAtMs) / 1000;
  // A line end or NUL in a path would end the line, or the reply, in the middle.
  // eslint-disable-next-line no-control-regex -- these are what must not come through
  const label = task.label.slice(0, LABEL_MAX_CHARACTERS).replace(/[\u0000-\u001f]/g, '?');
  return `\t${task.task} ${seconds.toFixed(6)} ${label}`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(3)}M`;
}
