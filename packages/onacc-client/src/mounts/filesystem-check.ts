import { realpath } from 'node:fs/promises';
import { filesystemPolicy } from '../policy/filesystem-policy.js';
import { normalisePath } from '../watch/mark-plan.js';
import { expectErrno } from '../watch/probe-directory.js';
import { readMountInfo } from './mount-changes.js';
import { mountOf, readMountTable } from './mount-table.js';

/** A path that is left out because of the filesystem it lies on. */
export interface LeftOutPath {
  readonly path: string;
  readonly type: string;
  readonly policy: 'network' | 'pseudo';
  /** For the operator: what it means and what to write. */
  readonly lines: readonly string[];
}

/**
 * Which of the paths are not to be watched, whatever the mark strategy. A path on a filesystem that is left out is told by
 * its name and not touched, since that can block; one that is not there is not among them.
 *
 * @param included - ONACC_INCLUDE_FILESYSTEMS
 */
export async function leftOutPaths(
  paths: readonly string[],
  included: ReadonlySet<string>,
  readMounts: () => Promise<string> = readMountInfo,
): Promise<LeftOutPath[]> {
  const mounts = readMountTable(await readMounts());
  const typeOf = (path: string): string | undefined => mountOf(path, mounts)?.type;
  const leftOut: LeftOutPath[] = [];
  for (const path of paths.map(normalisePath)) {
    const judge = (type: string | undefined): boolean => {
      if (type === undefined) return false;
      const policy = filesystemPolicy(type, included);
      if (policy === 'protect') return false;
      leftOut.push({ path, type, policy, lines: linesFor(path, type, policy) });
      return true;
    };
    if (judge(typeOf(path))) continue;
    try {
      judge(typeOf(await realpath(path)));
    } catch (error) {
      expectErrno(error); // not there yet: whoever watches it says so
    }
  }
  return leftOut;
}

/** What is said of a path that is left out. */
function linesFor(path: string, type: string, policy: 'network' | 'pseudo'): string[] {
  if (policy === 'pseudo') return [`WARNING: '${path}' is not protected: ${type} holds no stored files`];
  return [
    `WARNING: '${path}' is not protected: it lies on a filesystem of type ${type}, whose server can hold up every open of it`,
    `WARNING: To protect it all the same, set ONACC_INCLUDE_FILESYSTEMS=${type} (several: with commas)`,
  ];
}
