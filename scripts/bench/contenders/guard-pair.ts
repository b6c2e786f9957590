import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError, describeFailure, isInterruption } from '../bench-error.js';
import type { KeptProcess, StartOptions } from '../process-keeper.js';
import { renderClamdConf } from './clamd-conf.js';
import type { RunContext, RunningContender } from './contender.js';
import { tailOf } from './log-tail.js';
import { verifyProtection, waitForDaemon, waitForProtection } from './ready.js';

/** Ends a pair that the benchmark, killed itself, could not end. A run takes some minutes: clamonacc, with logical signatures. */
const pairLifetimeSeconds = 1500;
/** So that the start-up's own work (logs of the probes, marks) is not measured. */
const settleMs = 500;

/** How to start the two programs of a guard, given the path of their clamd.conf. */
export interface GuardPair {
  readonly title: string;
  readonly daemon: (confPath: string) => StartOptions['command'];
  readonly client: (confPath: string) => StartOptions['command'];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Writes the configuration, starts the daemon, then the client, and waits until every probe is refused.
 *
 * @throws BenchError BENCH_NOT_READY with the end of both logs; nothing is left running
 */
export async function startGuardPair(pair: GuardPair, context: RunContext): Promise<RunningContender> {
  const guardDirectory = join(context.runDirectory, 'guard');
  const socketPath = join(guardDirectory, 'clamd.sock');
  const confPath = writeConfiguration(context, guardDirectory, socketPath);
  const logs = { daemon: join(guardDirectory, 'daemon.log'), client: join(guardDirectory, 'client.log') };
  const started: KeptProcess[] = [];
  const start = (command: StartOptions['command'], logPath: string): KeptProcess => {
    const env = pair.env === undefined ? {} : { env: pair.env };
    // Not our own directory: a `.env` there would be read.
    const cwd = guardDirectory;
    const kept = context.keeper.start({
      command,
      lifetimeSeconds: pairLifetimeSeconds,
      logPath,
      cwd,
      ...env,
    });
    started.push(kept);
    return kept;
  };
  // The client goes first: a client whose daemon is gone would log and fail open for every event.
  const stop = async () => {
    for (const kept of started.toReversed()) await kept.stop();
  };
  try {
    await waitForDaemon(pair.title, start(pair.daemon(confPath), logs.daemon), socketPath);
    const startedAtMs = performance.now();
    const client = start(pair.client(confPath), logs.client);
    await waitForProtection(pair.title, client, context);
    const readyMs = performance.now() - startedAtMs;
    await sleep(settleMs);
    const verify = () => verifyProtection(pair.title, context);
    return { readyMs, clientPid: client.pid, verify, stop };
  } catch (cause) {
    await stop();
    if (isInterruption(cause)) throw cause;
    const tails = `daemon log: ${tailOf(logs.daemon)}; client log: ${tailOf(logs.client)}`;
    throw new BenchError('BENCH_NOT_READY', `${pair.title}: ${describeFailure(cause)}; ${tails}`, { cause });
  }
}

function writeConfiguration(context: RunContext, guardDirectory: string, socketPath: string): string {
  const temporaryDirectory = join(guardDirectory, 'tmp');
  for (const directory of [guardDirectory, temporaryDirectory]) {
    mkdirSync(directory);
    // Both daemons drop their privileges before they make the socket and their temporary files. Nothing above
    // the watched directory may be writable like this: files there would not count as root's alone.
    chmodSync(directory, 0o1777);
  }
  const confPath = join(guardDirectory, 'clamd.conf');
  const { signatureDirectory, watchedDirectory } = context;
  writeFileSync(
    confPath,
    renderClamdConf({ socketPath, signatureDirectory, temporaryDirectory, watchedDirectory }),
  );
  return confPath;
}
