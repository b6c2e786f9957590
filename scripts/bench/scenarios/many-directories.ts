import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ContenderName } from '../results.js';
import { readGuardUsage } from '../guard-usage.js';
import type { Sample, Scenario } from './scenario.js';

/** Directories in each top directory. */
const childrenPerTop = 1000;
const mebibyte = 1024 ** 2;
/** `nobody` on Debian: an open by him is never exempt. */
const userUid = 65534;

/**
 * What a guard pays for a tree of many directories: the time until all of it is protected, the memory of its client, and the
 * marks and watches that it holds. There are no files but the probes, one in the last child of each top directory.
 *
 * @param topCount - top directories; each has 1,000 children
 */
export function createManyDirectories(topCount: number): Scenario {
  const repetitionsOf = (contender: ContenderName, repetitions: number): number =>
    contender === 'bare' ? 0 : repetitions;
  return {
    name: `${topCount * childrenPerTop} directories`,
    repetitionsOf,
    prepare(watchedDirectory) {
      const lastChildren = Array.from({ length: topCount }, (_, top) =>
        makeTopDirectory(join(watchedDirectory, `d${top}`)),
      );
      return {
        directories: lastChildren,
        measure(_context, { readyMs, clientPid }) {
          const usage = readGuardUsage(clientPid);
          const samples: Sample[] = [
            { key: 'directories.ready', value: readyMs / 1000 },
            { key: 'directories.rss', value: usage.residentBytes / mebibyte },
            { key: 'directories.marks', value: usage.fanotifyMarks },
            { key: 'directories.watches', value: usage.inotifyWatches },
          ];
          return Promise.resolve(samples);
        },
      };
    },
  };
}

/** @returns its last child */
function makeTopDirectory(top: string): string {
  mkdirSync(top, { mode: 0o755 });
  chownSync(top, userUid, userUid);
  let child = top;
  for (let index = 0; index < childrenPerTop; index += 1) {
    child = join(top, `e${index}`);
    mkdirSync(child, { mode: 0o755 });
  }
  return child;
}
