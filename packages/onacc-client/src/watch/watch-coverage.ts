import type { DirectoryNode, DirectoryTree } from './directory-tree.js';
import { weakensProtection } from './watch-issue.js';
import type { WatchIssue, WatchIssueLog } from './watch-issue.js';

/** One tree that is to be watched. */
export interface WatchedRoot {
  /** As configured. */
  readonly path: string;
  /** With symbolic links resolved when it was last looked at. */
  realPath: string;
  /** Where it was last found. */
  device: string | undefined;
  /** Undefined while there is no such directory. */
  node: DirectoryNode | undefined;
}

export interface RootCoverage {
  readonly path: string;
  /** `partial`: something below is not marked, not followed or not known; the issues say what. */
  readonly state: 'protected' | 'missing' | 'partial';
  readonly directories: number;
  /** Which of the kernel's interfaces tells of new directories. Left out: none. */
  readonly followedBy?: 'fanotify' | 'inotify';
  readonly issues: readonly WatchIssue[];
}

export interface WatchCounts {
  /** How often the kernel's queue was full and events were lost. */
  readonly overflows: number;
  /** Completed walks of everything after the first. */
  readonly resyncs: number;
  /** Directories that left the trees, at most. They stay marked until their group is closed. */
  readonly strayed: number;
}

/** What is watched and what is not, for `status`, metrics and the start-up lines. */
export interface WatchCoverage extends WatchCounts {
  /** What carries the marks: each directory, or the mounts or file systems that the roots lie on. */
  readonly strategy: 'directory' | 'mount' | 'filesystem';
  readonly directories: number;
  readonly roots: readonly RootCoverage[];
  /** Issues beyond the bound of the list, of any root. */
  readonly unlistedIssues: number;
}

/** Puts the coverage together. Counts the tree: its cost grows with the number of directories. */
export function watchCoverage(
  tree: DirectoryTree,
  roots: readonly WatchedRoot[],
  issues: WatchIssueLog,
  state: WatchCounts & { readonly followedBy: (device: string) => RootCoverage['followedBy'] },
): WatchCoverage {
  const { followedBy, ...counts } = state;
  return {
    ...counts,
    strategy: 'directory',
    directories: tree.size,
    unlistedIssues: issues.unlisted,
    roots: roots.map((root) => {
      const by = root.node === undefined ? undefined : followedBy(root.node.device);
      return { ...rootCoverage(tree, root, issues), ...(by !== undefined && { followedBy: by }) };
    }),
  };
}

function rootCoverage(tree: DirectoryTree, root: WatchedRoot, issues: WatchIssueLog): RootCoverage {
  const listed = issues.at(root.realPath);
  if (root.realPath !== root.path) listed.push(...issues.at(root.path));
  const { path, node } = root;
  if (node === undefined || tree.pathOf(node) === undefined) {
    return { path, state: 'missing', directories: 0, issues: listed };
  }
  const directories = tree.countWithin(node);
  const weakened = issues.unlisted > 0 || listed.some(weakensProtection);
  return { path, state: weakened ? 'partial' : 'protected', directories, issues: listed };
}
