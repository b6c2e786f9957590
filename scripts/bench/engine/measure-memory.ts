import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeRunDirectory, removeBenchDirectory } from '../bench-directory.js';
import { BenchError } from '../bench-error.js';
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
 *
 * @throws BenchError BENCH_CHILD_FAILED where ours left no image, or did not start from it
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
    if (contender.name !== 'portcullis')
      return [...samples, { key: 'engine.memory.image', value: growth(cold) }];
    const left = imagesIn(images);
    const again = await resident('again', site.whole);
    // What cannot be used is written anew. One of the single signature, one of the whole set.
    if (left.length !== 2 || imagesIn(images).join() !== left.join())
      throw new BenchError('BENCH_CHILD_FAILED', 'the daemon did not start from its image');
    return [...samples, { key: 'engine.memory.image', value: growth(again) }];
  } finally {
    removeBenchDirectory(directory);
  }
}

/** What tells the images of a directory apart from others of the same name. */
function imagesIn(directory: string): readonly string[] {
  return readdirSync(directory)
    .sort()
    .map((name) => {
      const { ino, mtimeNs } = statSync(join(directory, name), { bigint: true });
      return `${name} ${ino} ${mtimeNs}`;
    });
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
