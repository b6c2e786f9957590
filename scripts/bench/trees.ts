import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContentSource } from './file-content.js';
import type { TreePlan } from './tree-plan.js';

/** A tree on disk, its bytes in the page cache. All paths are absolute. */
export interface Tree {
  readonly directories: readonly string[];
  readonly files: readonly string[];
  readonly totalBytes: number;
}

/** Who owns the tree: the kernel-level verdict cache may serve root's files only. */
export type TreeOwner = 'root' | 'user';

/** `nobody` on Debian; any uid that is not root does. */
const userUid = 65534;

/**
 * Writes a planned tree below `parent`, files with mode 644.
 *
 * @param owner - `user` gives files and directories to uid 65534
 */
export function makeTree(parent: string, plan: TreePlan, owner: TreeOwner): Tree {
  const source = createContentSource(plan.seed);
  const directories = plan.directories.map((path) => join(parent, path));
  for (const directory of directories) mkdirSync(directory, { mode: 0o755 });
  const files = plan.files.map(({ path, sizeBytes }, index) => {
    const file = join(parent, path);
    writeFileSync(file, source.contentOf(index, sizeBytes), { flag: 'wx', mode: 0o644 });
    return file;
  });
  if (owner === 'user') for (const path of [...directories, ...files]) chownSync(path, userUid, userUid);
  return { directories, files, totalBytes: plan.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}
