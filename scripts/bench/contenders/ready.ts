import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError } from '../bench-error.js';
import { countRefused } from '../openers/run-openers.js';
import type { KeptProcess } from '../process-keeper.js';
import type { RunContext } from './contender.js';

const pollMs = 200;
/** A cold load of 230,000 signatures takes a second; a loaded machine a few. */
const daemonReadyMs = 60_000;
/** 1,400 directory marks. */
const clientReadyMs = 60_000;
const pingMs = 2000;

/**
 * Waits until the daemon answers PING on its socket.
 *
 * @throws BenchError BENCH_NOT_READY when it ends or a minute passes
 */
export async function waitForDaemon(name: string, daemon: KeptProcess, socketPath: string): Promise<void> {
  await waitUntil(`${name} to answer on its socket`, { process: daemon, withinMs: daemonReadyMs }, () =>
    ping(socketPath),
  );
}

/**
 * Waits until every probe is refused: then the last directory is watched and the scan behind it works.
 *
 * @throws BenchError BENCH_NOT_READY when the client ends or a minute passes
 */
export async function waitForProtection(
  name: string,
  client: KeptProcess,
  context: RunContext,
): Promise<void> {
  await waitUntil(
    `${name} to refuse the EICAR file in each directory`,
    { process: client, withinMs: clientReadyMs },
    async () => {
      return (await countRefused(context, context.probes)) === context.probes.length;
    },
  );
}

/** @throws BenchError BENCH_NOT_PROTECTING unless every probe is still refused */
export async function verifyProtection(name: string, context: RunContext): Promise<void> {
  const refused = await countRefused(context, context.probes);
  if (refused === context.probes.length) return;
  const counts = `${refused} of ${context.probes.length} probes refused after the measurement`;
  throw new BenchError(
    'BENCH_NOT_PROTECTING',
    `${name} stopped protecting (${counts}): its figures are not used`,
  );
}

async function waitUntil(
  what: string,
  { process, withinMs }: { readonly process: KeptProcess; readonly withinMs: number },
  isDone: () => Promise<boolean>,
): Promise<void> {
  const deadlineAtMs = performance.now() + withinMs;
  while (performance.now() < deadlineAtMs) {
    if (!process.isRunning())
      throw new BenchError('BENCH_NOT_READY', `waited for ${what}, but the process ended`);
    if (await isDone()) return;
    await sleep(pollMs);
  }
  throw new BenchError('BENCH_NOT_READY', `waited ${withinMs / 1000} s for ${what}`);
}

function ping(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    let reply = '';
    socket.setTimeout(pingMs, () => socket.destroy());
    socket.on('connect', () => socket.write('zPING\0'));
    socket.on('data', (chunk) => {
      reply += chunk.toString('latin1');
      if (reply.length > 4) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve(reply.startsWith('PONG'));
    });
  });
}
