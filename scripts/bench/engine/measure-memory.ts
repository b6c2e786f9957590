import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeRunDirectory, removeBenchDirectory } from '../bench-directory.js';
import type { DaemonContender } from '../daemon/daemon-contender.js';
import { startDaemon } from '../daemon/running-daemon.js';
import type { ProcessKeeper } from '../process-keeper.js';
import type { Sample } from '../scenarios/scenario.js';

/** As long as the daemon scenario waits after the first answer: what loading left behind is gone by then, or stays. */
const settleMs = 1500;
const bytesPerMegabyte = 1e6;

export interface MemorySite {
  readonly keeper: ProcessKeeper;
  readonly benchDirectory: string;
  readonly whole: string;
  readonly oneSignature: string;
}

/**
 * How much larger a daemon is with the whole set than with one signature: ours once compiled by itself, once started from
 * the image that it left.
 */
export async function measureMemory(
  contender: DaemonContender,
  site: MemorySite,
): Promise<readonly Sample[]> {
  const directory = makeRunDirectory(site.benchDirectory, `memory-${contender.name}`);
  // The daemon makes its directory of images itself, after it has dropped its privileges.
  chmodSync(directory, 0o1777);
  try {
    const images = join(directory, 'images');
    const resident = (name: string, signatureDirectory: string): Promise<number> =>
      residentBytes(contender, { ...site, directory, images, name, signatureDirectory });
    const one = await resident('one', site.oneSignature);
    const cold = await resident('cold', site.whole);
    const growth = (bytes: number): number => (bytes - one) / bytesPerMegabyte;
    const samples = [{ key: 'engine.memory.cold', value: growth(cold) }];
    // clamd compiles each time: the same figure stands beside both of ours.
    const again = contender.name === 'portcullis' ? await resident('again', site.whole) : cold;
    return [...samples, { key: 'engine.memory.image', value: growth(again) }];
  } finally {
    removeBenchDirectory(directory);
  }
}

async function residentBytes(
  contender: DaemonContender,
  run: MemorySite & {
    readonly directory: string;
    readonly images: string;
    readonly name: string;
    readonly signatureDirectory: string;
  },
): Promise<number> {
  run.keeper.throwIfClosed();
  const runDirectory = makeRunDirectory(run.directory, run.name);
  const env =
    contender.name === 'portcullis'
      ? { ...contender.env, SCANNER_DATABASE_IMAGE: run.images }
      : contender.env;
  const daemon = await startDaemon(env === undefined ? contender : { ...contender, env }, {
    keeper: run.keeper,
    runDirectory,
    signatureDirectory: run.signatureDirectory,
  });
  try {
    await sleep(settleMs);
    return daemon.usage().residentBytes;
  } finally {
    await daemon.stop();
  }
}
