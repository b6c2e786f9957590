import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { clamd } from '../contenders/clamav.js';
import { portcullisEnv } from '../contenders/portcullis.js';
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
export function createDaemonContenders(repositoryRoot: string): readonly DaemonContender[] {
  const ours = join(repositoryRoot, 'packages/scanner-daemon/bin/scanner-daemon.cjs');
  return [
    {
      name: 'portcullis',
      title: 'scanner-daemon',
      unavailable: () => (existsSync(ours) ? undefined : `${ours} not found`),
      command: (confPath) => [process.execPath, ours, '-c', confPath],
      env: portcullisEnv,
    },
    {
      name: 'clamav',
      title: 'clamd',
      unavailable: () =>
        existsSync(clamd) ? undefined : `${clamd} not found (apt-get install clamav-daemon)`,
      command: (confPath) => [clamd, '-c', confPath],
    },
  ];
}
