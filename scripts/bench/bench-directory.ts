import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { BenchError } from './bench-error.js';

const namePrefix = 'portcullis-bench-';

/**
 * Makes a new directory of our own below `parent`. Mode 755: the unprivileged daemons must reach their socket
 * and the signatures in it.
 */
export function makeBenchDirectory(parent: string): string {
  const directory = mkdtempSync(join(resolve(parent), namePrefix));
  chmodSync(directory, 0o755);
  return directory;
}

/** Makes an empty directory for one run of one contender. */
export function makeRunDirectory(benchDirectory: string, name: string): string {
  const directory = join(benchDirectory, name);
  mkdirSync(directory, { mode: 0o755 });
  return directory;
}

/**
 * Removes what {@link makeBenchDirectory} or {@link makeRunDirectory} made, and nothing else.
 *
 * @throws BenchError BENCH_BAD_DIRECTORY when neither its name nor its parent's is one of ours
 */
export function removeBenchDirectory(directory: string): void {
  const isOurs = [directory, dirname(directory)].some((path) => basename(path).startsWith(namePrefix));
  if (!isOurs)
    throw new BenchError('BENCH_BAD_DIRECTORY', `refusing to remove ${directory}: not made by the benchmark`);
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}
