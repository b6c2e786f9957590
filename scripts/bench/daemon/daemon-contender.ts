import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { clamd } from '../contenders/clamav.js';
import { portcullisEnv } from '../engine.js';
import type { BenchEngine } from '../engine.js';
import type { StartOptions } from '../process-keeper.js';
import type { ContenderName } from '../results.js';

/** One daemon of the comparison. */
export interface DaemonContender {
  readonly name: ContenderName;
  readonly title: string;
  /** Why it cannot run on this machine, or undefined when it can. */
  readonly unavailable: () => string | undefined;
  readonly command: (confPath: string) => StartOptions['command'];
  readonly env?: Readonly<Record<string, string>>;
}

/** Ours from the checkout, and Debian's. */
export function createDaemonContenders(
  repositoryRoot: string,
  engine: BenchEngine,
): readonly DaemonContender[] {
  return [
    createOurs(repositoryRoot, {
      name: 'portcullis',
      title: 'scanner-daemon',
      env: portcullisEnv(engine),
    }),
    {
      name: 'clamav',
      title: 'clamd',
      unavailable: () =>
        existsSync(clamd) ? undefined : `${clamd} not found (apt-get install clamav-daemon)`,
      command: (confPath) => [clamd, '-c', confPath],
    },
  ];
}

/** Ours with libclamav in a process of its own, and inside the daemon. */
export function createIsolationContenders(repositoryRoot: string): readonly DaemonContender[] {
  const sides = [
    { name: 'portcullis', title: 'scanner-daemon, isolated', env: portcullisEnv('libclamav', 'yes') },
    { name: 'not-isolated', title: 'scanner-daemon, not isolated', env: portcullisEnv('libclamav', 'no') },
  ] as const;
  return sides.map((side) => createOurs(repositoryRoot, side));
}

function createOurs(
  repositoryRoot: string,
  side: Pick<DaemonContender, 'name' | 'title' | 'env'>,
): DaemonContender {
  const program = join(repositoryRoot, 'packages/scanner-daemon/bin/scanner-daemon.cjs');
  return {
    ...side,
    unavailable: () => (existsSync(program) ? undefined : `${program} not found`),
    command: (confPath) => [process.execPath, program, '-c', confPath],
  };
}
