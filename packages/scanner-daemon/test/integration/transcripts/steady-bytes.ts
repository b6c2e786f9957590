import { ROOT, shortenRuns } from './script.js';

/** Makes a reply the same on every machine and in every run; its layout stays. */
export function steadyBytes(reply: string, root: string, options: { sorted: boolean }): string {
  const steady = steadyStats(reply.replaceAll(root, ROOT)).replace(/fd\[\d+\]/g, 'fd[N]');
  return shortenRuns(options.sorted ? sortLines(steady) : steady);
}

function sortLines(reply: string): string {
  return (reply.match(/[^\0\n]*[\0\n]|[^\0\n]+$/g) ?? []).sort().join('');
}

/**
 * STATS without what no two daemons agree on: how many threads live, who of them is idle, how long a task runs and how
 * much memory there is (behaviour 1.12). `max`, `idle-timeout`, the queue and the task at work are compared.
 */
function steadyStats(reply: string): string {
  if (!reply.includes('POOLS: ')) return reply;
  return reply
    .replace(/live \d+ {2}idle \d+ /g, 'live N  idle N ')
    .replace(/\tIDLE \d+\.\d{6} \n/g, '')
    .replace(/(\t[A-Z]+) \d+\.\d{6} /g, '$1 N ')
    .replace(/ (heap|mmap|used|free|releasable|pools_used|pools_total) (N\/A|\d+\.\d{3}M)/g, ' $1 N')
    .replace(/ pools \d+ /g, ' pools N ');
}
