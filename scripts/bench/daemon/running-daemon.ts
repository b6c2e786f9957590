import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { BenchError, describeFailure, isInterruption } from '../bench-error.js';
import { tailOf } from '../contenders/log-tail.js';
import { waitForDaemon } from '../contenders/ready.js';
import type { ProcessKeeper } from '../process-keeper.js';
import { renderDaemonConf } from './daemon-conf.js';
import type { DaemonContender } from './daemon-contender.js';
import { readTreeUsage } from './process-usage.js';
import type { TreeUsage } from './process-usage.js';

/** Ends a daemon that the benchmark, killed itself, could not end. */
const daemonLifetimeSeconds = 1200;

export interface DaemonSite {
  readonly keeper: ProcessKeeper;
  readonly runDirectory: string;
  readonly signatureDirectory: string;
}

/** A daemon that answers. */
export interface RunningDaemon {
  readonly title: string;
  readonly socketPath: string;
  readonly tcpPort: number;
  readonly usage: () => TreeUsage;
  /** How many reloads its log says it has finished. */
  readonly finishedReloads: () => number;
  readonly stop: () => Promise<void>;
}

/**
 * Writes the configuration, starts the daemon and waits until it answers.
 *
 * @throws BenchError BENCH_NOT_READY with the end of its log; nothing is left running
 */
export async function startDaemon(contender: DaemonContender, site: DaemonSite): Promise<RunningDaemon> {
  const { title } = contender;
  const directory = join(site.runDirectory, 'daemon');
  const temporaryDirectory = join(directory, 'tmp');
  for (const path of [directory, temporaryDirectory]) {
    mkdirSync(path);
    // The daemons drop their privileges before they make the socket and their temporary files.
    chmodSync(path, 0o1777);
  }
  const socketPath = join(directory, 'clamd.sock');
  const tcpPort = await findFreePort();
  const confPath = join(directory, 'clamd.conf');
  const { signatureDirectory } = site;
  writeFileSync(confPath, renderDaemonConf({ socketPath, tcpPort, signatureDirectory, temporaryDirectory }));
  const logPath = join(directory, 'daemon.log');
  const kept = site.keeper.start({
    command: contender.command(confPath),
    lifetimeSeconds: daemonLifetimeSeconds,
    logPath,
    // Not our own directory: a `.env` there would be read.
    cwd: directory,
    ...(contender.env === undefined ? {} : { env: contender.env }),
  });
  try {
    await waitForDaemon(title, kept, socketPath);
  } catch (cause) {
    await kept.stop();
    if (isInterruption(cause)) throw cause;
    throw new BenchError('BENCH_NOT_READY', `${title}: ${describeFailure(cause)}; log: ${tailOf(logPath)}`, {
      cause,
    });
  }
  return {
    title,
    socketPath,
    tcpPort,
    usage: () => readTreeUsage(kept.pid),
    finishedReloads: () => countReloads(readFileSync(logPath, 'utf8')),
    stop: () => kept.stop(),
  };
}

/**
 * clamd says `Database correctly reloaded (N signatures)`, and so do we.
 *
 * @internal
 */
export function countReloads(log: string): number {
  return log.match(/Database correctly reloaded/g)?.length ?? 0;
}

/** A port nobody listened on a moment ago. */
function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(address !== null && typeof address === 'object' ? address.port : 0);
      });
    });
  });
}
