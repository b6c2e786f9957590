import type { Stats } from 'node:fs';
import { lstat, stat, statfs } from 'node:fs/promises';
import { strerror } from '@portcullis/shared';
import type { PathProblem, PathVisitor, WalkOptions, WalkOutcome, WalkPaths } from '../server/scan-side.js';
import { cleanPathArgument, joinPath } from './path-argument.js';
import { readDirectory, type DirectoryEntry } from './read-directory.js';

/** The walk slice of clamd.conf. */
export interface PathWalkOptions {
  /** MaxDirectoryRecursion; Infinity = unlimited. The requested directory is level 0. */
  readonly directoryDepthMax: number;
  readonly followDirectorySymlinks: boolean;
  readonly followFileSymlinks: boolean;
  readonly crossFilesystems: boolean;
  /** ExcludePath. */
  readonly isExcluded: (path: Uint8Array) => boolean;
  /** A directory was left out because it lies too deep. */
  readonly onDepthLimit: (path: Buffer) => void;
}

/** statfs(2): PROC_SUPER_MAGIC. */
const PROC_SUPER_MAGIC = 0x9fa0;

/** What SCAN, CONTSCAN, ALLMATCHSCAN and MULTISCAN do with a path (behaviour 1.10, hardened column). */
export function createPathWalk(walkOptions: PathWalkOptions): WalkPaths {
  return (argument, options, visitor) => new PathWalk(walkOptions, options, visitor).walk(argument);
}

/** A type and device, links resolved where the options say so. */
type Seen =
  | { readonly kind: 'file' | 'directory'; readonly stats: Stats }
  | { readonly kind: 'special' }
  /** `toFile`: the link leads to a regular file. */
  | { readonly kind: 'unfollowedLink'; readonly toFile: boolean }
  | { readonly kind: 'unreachable'; readonly error: unknown };

interface Directory {
  readonly path: Buffer;
  readonly depth: number;
  readonly stats: Stats;
  /** `dev:ino` of this one and all above it: a link that leads back up is not followed. */
  readonly lineage: ReadonlySet<string>;
}

/** Something in a directory to be scanned or entered. */
interface ListedEntry {
  readonly path: Buffer;
  /** Of the entry itself, a followed link's own: what orders the walk (observed with clamd 1.4.6). */
  readonly inode: number;
  /** Of what is there, links followed. */
  readonly stats: Stats;
}

/** One request's walk. */
class PathWalk {
  readonly #walkOptions: PathWalkOptions;
  readonly #options: WalkOptions;
  readonly #visitor: PathVisitor;
  readonly #procDevices = new Map<number, boolean>();
  #visitedObjects = 0;
  #stopped = false;

  constructor(walkOptions: PathWalkOptions, options: WalkOptions, visitor: PathVisitor) {
    this.#walkOptions = walkOptions;
    this.#options = options;
    this.#visitor = visitor;
  }

  async walk(argument: Buffer): Promise<WalkOutcome> {
    const { path, collapsed } = cleanPathArgument(argument);
    const seen = await this.#look(path);
    // Tested before anything is said about the type, and then there is no OK either: nothing was visited.
    if (this.#walkOptions.isExcluded(path)) {
      // MULTISCAN walks directories in silence, and takes what is missing for one; else it speaks as CONTSCAN does.
      const isSilent = this.#options.multiscan && (seen.kind === 'directory' || seen.kind === 'unreachable');
      if (!isSilent) await this.#problem({ kind: 'excluded', path });
      return { visitedObjects: 0 };
    }
    await this.#visitArgument(path, collapsed, seen);
    return { visitedObjects: this.#visitedObjects };
  }

  async #visitArgument(path: Buffer, collapsed: boolean, seen: Seen): Promise<void> {
    switch (seen.kind) {
      case 'unreachable':
        this.#visitedObjects += 1;
        await this.#problem({ kind: 'checkFailed', path, strerror: strerror(seen.error) });
        return;
      case 'unfollowedLink':
        // MULTISCAN says nothing about a link to a directory or to nowhere.
        if (seen.toFile || !this.#options.multiscan) this.#visitedObjects += 1;
        return;
      case 'special':
        // One for the object and one for the error about it: clamd answers both the error and OK.
        this.#visitedObjects += 2;
        if (!collapsed) await this.#problem({ kind: 'notSupported', path });
        return;
      case 'file':
        await this.#visitFile(path, seen.stats);
        return;
      case 'directory': {
        const lineage = new Set([identity(seen.stats)]);
        await this.#visitDirectory({ path, depth: 0, stats: seen.stats, lineage }, seen.stats.dev);
      }
    }
  }

  async #visitFile(path: Buffer, stats: Stats): Promise<void> {
    this.#visitedObjects += 1;
    if (await this.#isOnProcfs(path, stats.dev)) return;
    if (this.#over()) return;
    if ((await this.#visitor.file(path)) === 'stop') this.#stopped = true;
  }

  async #visitDirectory(directory: Directory, rootDevice: number): Promise<void> {
    // MULTISCAN counts files only.
    if (!this.#options.multiscan) this.#visitedObjects += 1;
    try {
      for await (const slice of readDirectory(directory.path)) {
        if (this.#over()) return;
        await this.#visitSlice(directory, slice, rootDevice);
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#visitedObjects += 1;
      await this.#problem({ kind: 'checkFailed', path: directory.path, strerror: strerror(error) });
    }
  }

  /**
   * What is left out or cannot be looked at is told first, while the directory is read; then files, then
   * subdirectories, each by ascending inode.
   */
  async #visitSlice(
    directory: Directory,
    slice: readonly DirectoryEntry[],
    rootDevice: number,
  ): Promise<void> {
    const files: ListedEntry[] = [];
    const directories: ListedEntry[] = [];
    for (const { name, looked } of slice) {
      if (this.#over()) return;
      const path = joinPath(directory.path, name);
      const seen =
        looked.kind === 'failed' ? unreachable(looked.error) : await this.#resolve(path, looked.stats);
      const inode = looked.kind === 'failed' ? 0 : looked.stats.ino;
      if (seen.kind === 'unreachable') {
        this.#visitedObjects += 1;
        await this.#problem({ kind: 'checkFailed', path, strerror: strerror(seen.error) });
      } else if (seen.kind === 'file' || seen.kind === 'directory') {
        if (await this.#leaveOut(path, seen.stats, rootDevice)) continue;
        (seen.kind === 'file' ? files : directories).push({ path, inode, stats: seen.stats });
      }
    }
    for (const { path, stats } of files.sort(byInode)) {
      if (this.#over()) return;
      if (stats.size === 0) this.#visitedObjects += 1;
      else await this.#visitFile(path, stats);
    }
    for (const { path, stats } of directories.sort(byInode)) {
      if (this.#over()) return;
      await this.#descend(directory, path, stats, rootDevice);
    }
  }

  async #descend(parent: Directory, path: Buffer, stats: Stats, rootDevice: number): Promise<void> {
    const depth = parent.depth + 1;
    if (depth > this.#walkOptions.directoryDepthMax) {
      this.#walkOptions.onDepthLimit(path);
      return;
    }
    const id = identity(stats);
    if (parent.lineage.has(id)) return;
    await this.#visitDirectory({ path, depth, stats, lineage: new Set([...parent.lineage, id]) }, rootDevice);
  }

  /** ExcludePath and CrossFilesystems, inside a directory. */
  async #leaveOut(path: Buffer, stats: Stats, rootDevice: number): Promise<boolean> {
    const { isExcluded, crossFilesystems } = this.#walkOptions;
    const kind = isExcluded(path)
      ? 'excluded'
      : !crossFilesystems && stats.dev !== rootDevice
        ? 'otherFilesystem'
        : undefined;
    if (kind === undefined) return false;
    if (!this.#options.multiscan) await this.#problem({ kind, path });
    return true;
  }

  async #look(path: Buffer): Promise<Seen> {
    try {
      return await this.#resolve(path, await lstat(path));
    } catch (error) {
      return unreachable(error);
    }
  }

  async #resolve(path: Buffer, stats: Stats): Promise<Seen> {
    if (!stats.isSymbolicLink()) return typeOf(stats);
    const { followFileSymlinks, followDirectorySymlinks } = this.#walkOptions;
    let target: Stats;
    try {
      target = await stat(path);
    } catch (error) {
      return followFileSymlinks || followDirectorySymlinks
        ? unreachable(error)
        : { kind: 'unfollowedLink', toFile: false };
    }
    const isFollowed =
      (target.isFile() && followFileSymlinks) || (target.isDirectory() && followDirectorySymlinks);
    return isFollowed ? typeOf(target) : { kind: 'unfollowedLink', toFile: target.isFile() };
  }

  async #isOnProcfs(path: Buffer, device: number): Promise<boolean> {
    const known = this.#procDevices.get(device);
    if (known !== undefined) return known;
    const isProc = await statfs(path).then(
      ({ type }) => type === PROC_SUPER_MAGIC,
      () => false,
    );
    this.#procDevices.set(device, isProc);
    return isProc;
  }

  async #problem(problem: PathProblem): Promise<void> {
    if (this.#over()) return;
    if ((await this.#visitor.problem(problem)) === 'stop') this.#stopped = true;
  }

  #over(): boolean {
    return this.#stopped || this.#options.signal.aborted;
  }
}

function typeOf(stats: Stats): Seen {
  if (stats.isFile()) return { kind: 'file', stats };
  if (stats.isDirectory()) return { kind: 'directory', stats };
  return { kind: 'special' };
}

function unreachable(error: unknown): Seen {
  return { kind: 'unreachable', error };
}

function identity(stats: Stats): string {
  return `${stats.dev}:${stats.ino}`;
}

function byInode(left: ListedEntry, right: ListedEntry): number {
  return left.inode - right.inode;
}

function isSystemError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'syscall' in error;
}
