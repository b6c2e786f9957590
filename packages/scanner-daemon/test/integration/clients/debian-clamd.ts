import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@portcullis/shared/programs';
import { ask, type Site } from '../daemon-process.js';

/** Where Debian puts it; not in everybody's PATH. */
export const DEBIAN_CLAMD = '/usr/sbin/clamd';
const START_MAX_MS = 20_000;

/** A clamd of Debian beside ours, on the site's signatures. `stop` it, or it outlives the test. */
export interface DebianClamd {
  readonly socketPath: string;
  readonly tcpPort: number;
  stop(): Promise<void>;
}

/**
 * Starts Debian's clamd and waits until it answers PING.
 *
 * @param lines further directives, as in `createSite`
 */
export async function startDebianClamd(site: Site, lines: readonly string[] = []): Promise<DebianClamd> {
  const socketPath = join(site.root, 'debian.sock');
  const tcpPort = await freePort();
  const configFile = site.put(
    'debian.conf',
    [
      `LocalSocket ${socketPath}`,
      `TCPSocket ${tcpPort}`,
      'TCPAddr 127.0.0.1',
      `DatabaseDirectory ${site.databaseDirectory}`,
      `TemporaryDirectory ${join(site.root, 'spool')}`,
      'Foreground yes',
      ...lines,
      '',
    ].join('\n'),
  );
  rmSync(socketPath, { force: true });
  const child = spawn(DEBIAN_CLAMD, ['-c', configFile], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const deadlineAtMs = Date.now() + START_MAX_MS;
  while (!(await answers(socketPath))) {
    if (child.exitCode !== null || Date.now() > deadlineAtMs) {
      child.kill('SIGKILL');
      throw new Error('clamd does not serve');
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    socketPath,
    tcpPort,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function answers(socketPath: string): Promise<boolean> {
  try {
    return (await ask(socketPath, 'zPING\0')) === 'PONG\0';
  } catch {
    // No socket yet.
    return false;
  }
}
