import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { portcullisEnv } from '../engine.js';
import type { BenchEngine } from '../engine.js';
import type { Contender } from './contender.js';
import { startGuardPair } from './guard-pair.js';

/** Our pair, from the checkout, with the clamd.conf that clamd gets. */
export function createPortcullis(repositoryRoot: string, engine: BenchEngine): Contender {
  const daemon = join(repositoryRoot, 'packages/scanner-daemon/bin/scanner-daemon.cjs');
  const client = join(repositoryRoot, 'packages/onacc-client/bin/onacc-client.js');
  return {
    name: 'portcullis',
    unavailable() {
      const absent = [daemon, client].filter((program) => !existsSync(program));
      return absent.length === 0 ? undefined : `${absent.join(' and ')} not found`;
    },
    start: (context) =>
      startGuardPair(
        {
          title: 'Portcullis',
          daemon: (confPath) => [process.execPath, daemon, '-c', confPath],
          client: (confPath) => [process.execPath, client, '-F', '-c', confPath],
          env: portcullisEnv(engine),
        },
        context,
      ),
  };
}
