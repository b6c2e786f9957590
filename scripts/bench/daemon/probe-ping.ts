// The PING probe: a new connection a PING at a fixed pace, whether or not the earlier ones are answered. Prints a PingReport.
import { writeSync } from 'node:fs';
import { openNative } from '@portcullis/shared/native';
import type { DaemonConnection } from './daemon-connection.js';
import type { PingPlan, PingReport } from './load-plan.js';
import { createUnixConnect } from './unix-connection.js';

const pingCommand = Buffer.from('zPING\0', 'latin1');
/** After the last PING, so long is waited for what is still open. */
const lastReplyMaxMs = 5000;
/** More are not opened: each holds a descriptor on both sides. */
const openMax = 800;

async function probe(plan: PingPlan): Promise<PingReport> {
  const connect = createUnixConnect(openNative(), plan.path);
  const latenciesMs: number[] = [];
  const open = new Map<DaemonConnection, number>();
  const ping = () => {
    if (open.size >= openMax) return;
    const startedAtMs = performance.now();
    const connection = connect({
      onReply(reply) {
        latenciesMs.push(performance.now() - startedAtMs);
        open.delete(connection);
        connection.close();
        if (reply !== 'PONG') throw new Error(`PING was answered: ${reply.slice(0, 200)}`);
      },
      onFailure(why) {
        throw new Error(`PING: ${why}`);
      },
    });
    open.set(connection, startedAtMs);
    connection.send([pingCommand]);
  };
  const startedAtMs = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - startedAtMs;
      if (elapsedMs < plan.durationMs) {
        ping();
        return;
      }
      if (open.size > 0 && elapsedMs < plan.durationMs + lastReplyMaxMs) return;
      clearInterval(timer);
      resolve();
    }, plan.intervalMs);
  });
  const unanswered = open.size;
  for (const [connection, sinceMs] of open) {
    latenciesMs.push(performance.now() - sinceMs);
    connection.close();
  }
  return { latenciesMs: latenciesMs.sort((left, right) => left - right), unanswered };
}

// The benchmark itself is the only one that starts this program.
const plan = JSON.parse(process.argv[2] ?? '') as PingPlan;
writeSync(1, JSON.stringify(await probe(plan)));
process.exit(0);
