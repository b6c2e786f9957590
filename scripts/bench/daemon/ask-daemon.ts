import { createConnection } from 'node:net';
import { BenchError } from '../bench-error.js';
import { composeEicar } from '../probes.js';
import { frameInstream } from './request-content.js';

const replyMaxMs = 30_000;
const replyMaxBytes = 64 * 1024;

/**
 * Sends bytes on a new connection and collects everything until the daemon closes it.
 *
 * @throws BenchError BENCH_CHILD_FAILED when there is no connection or half a minute passes
 */
export function askDaemon(socketPath: string, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath);
    let reply = '';
    const fail = (why: string) => {
      socket.destroy();
      reject(new BenchError('BENCH_CHILD_FAILED', `${socketPath}: ${why}`));
    };
    socket.setTimeout(replyMaxMs, () => {
      fail('no reply');
    });
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      reply += chunk.toString('latin1');
      if (reply.length > replyMaxBytes) fail('a reply without an end');
    });
    socket.on('error', (error) => {
      fail(error.message);
    });
    socket.on('close', () => {
      resolve(reply);
    });
  });
}

/**
 * A daemon that finds nothing would look fast: the EICAR file must be found.
 *
 * @throws BenchError BENCH_NOT_PROTECTING
 */
export async function verifyDetection(title: string, socketPath: string): Promise<void> {
  const { head } = frameInstream(Buffer.from(composeEicar(), 'latin1'));
  const reply = await askDaemon(socketPath, head);
  if (/^stream: .+ FOUND\0$/.test(reply)) return;
  throw new BenchError(
    'BENCH_NOT_PROTECTING',
    `${title} answered the EICAR file with ${JSON.stringify(reply)}`,
  );
}

/** RELOAD over and over until stopped. */
export interface Reloads {
  /** @returns how many were accepted */
  readonly stop: () => Promise<number>;
}

/** Asks for a reload every `intervalMs`, each when the one before was accepted. */
export function reloadRepeatedly(socketPath: string, intervalMs: number): Reloads {
  let accepted = 0;
  let isStopped = false;
  const loop = async () => {
    while (!isStopped) {
      const reply = await askDaemon(socketPath, Buffer.from('zRELOAD\0', 'latin1'));
      if (reply !== 'RELOADING\0')
        throw new BenchError('BENCH_CHILD_FAILED', `RELOAD was answered: ${JSON.stringify(reply)}`);
      accepted += 1;
      await new Promise((resolve) => setTimeout(resolve, intervalMs));
    }
  };
  const done = loop();
  // Whoever stops it hears of the failure.
  done.catch(() => undefined);
  return {
    async stop() {
      isStopped = true;
      await done;
      return accepted;
    },
  };
}
