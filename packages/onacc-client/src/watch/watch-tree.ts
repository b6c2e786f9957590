import { realpath } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { NativeApi } from '@portcullis/shared/native';
import type { DecodedFidEvents } from './decode-fid-events.js';
import { DeviceWatches } from './device-watch.js';
import { DirectoryTracker } from './directory-tracker.js';
import type { DirectoryNode } from './directory-tree.js';
import { MarkTargets } from './mark-targets.js';
import type { MarkTarget } from './mark-targets.js';
import { codeOf, probeDirectory } from './probe-directory.js';
import { watchCoverage } from './watch-coverage.js';
import type { WatchCoverage, WatchedRoot } from './watch-coverage.js';
import { WatchIssueLog } from './watch-issue.js';
import type { WatchIssue } from './watch-issue.js';

const DIRECTORIES_MAX = 1_000_000;
const LISTED_ISSUES_MAX = 1_000;
/** Between two walks of everything when the queue overflows again and again. */
const RESYNC_GAP_MS = 1_000;
const SETTLE_ROUNDS_MAX = 8;

export interface TreeWatcherOptions {
  readonly native: NativeApi;
  /** Absolute paths of the trees. One that is missing is reported and tried again by {@link TreeWatcher.retryMissing}. */
  readonly roots: readonly string[];
  readonly targets: readonly MarkTarget[];
  /** Told once of each issue, while it is listed. Must not throw. */
  readonly onIssue: (issue: WatchIssue) => void;
  /** At most so many directories are marked. Default 1,000,000; at least 1. */
  readonly maxDirectories?: number;
  /** Directories that stay unmarked with everything below them. Must be pure and quick. */
  readonly isExcluded?: (path: string) => boolean;
}

/** What {@link TreeWatcher.addTarget} did: directories marked in the new group, and those that it refused. */
export interface AddedTarget {
  readonly marked: number;
  readonly refused: number;
}

/**
 * Keeps directory marks in step with the trees, in real time (README.md beside this file). Main thread only: it opens
 * directories, which raises no permission event as long as no target's mask has FAN_ONDIR.
 */
export class TreeWatcher {
  readonly #native: NativeApi;
  readonly #roots: readonly WatchedRoot[];
  readonly #targets: MarkTargets;
  readonly #issues: WatchIssueLog;
  readonly #devices: DeviceWatches;
  readonly #tracker: DirectoryTracker;
  #state: 'following' | 'stopped' = 'following';
  #resync: Promise<void> | undefined;
  #resyncAgain = false;
  #overflows = 0;
  #resyncs = 0;

  constructor(options: TreeWatcherOptions) {
    const { native } = options;
    this.#native = native;
    this.#roots = options.roots.map((path) => ({ path, realPath: path, node: undefined }));
    this.#targets = new MarkTargets(native.fanotify, options.targets);
    this.#issues = new WatchIssueLog(options.onIssue, LISTED_ISSUES_MAX);
    this.#devices = new DeviceWatches(native, {
      onChanges: (device, changes) => {
        this.onChanges(device, changes);
      },
      onUnfollowed: (device, code) => {
        this.#reportUnfollowed(device, code);
      },
    });
    this.#tracker = new DirectoryTracker({
      files: native.files,
      targets: this.#targets,
      devices: this.#devices,
      issues: this.#issues,
      directoriesMax: options.maxDirectories ?? DIRECTORIES_MAX,
      isExcluded: options.isExcluded ?? (() => false),
      onRootLost: (node) => {
        for (const root of this.#roots) if (root.node === node) this.#loseRoot(root, 'ENOENT');
        // Directories are swapped by renaming one over the other: its successor may be in place already.
        void this.retryMissing();
      },
    });
  }

  /** Marks every directory of every root. Resolves when that is done; what could not be marked is an issue. */
  start(): Promise<void> {
    return this.#walkRoots(this.#roots);
  }

  /** Looks again for the roots that are missing. Cheap while they stay away: call it every few seconds. */
  retryMissing(): Promise<void> {
    const { tree } = this.#tracker;
    const missing = this.#roots.filter(({ node }) => node === undefined || tree.pathOf(node) === undefined);
    return missing.length === 0 ? Promise.resolve() : this.#walkRoots(missing);
  }

  /** Walks everything again, missing roots included. Marks are idempotent. Resolves when no walk is owed any more. */
  resync(): Promise<void> {
    if (this.#resync === undefined) this.#resync = this.#runResyncs();
    else this.#resyncAgain = true;
    return this.#resync;
  }

  /**
   * Marks every known directory in another group and keeps that in step from now on.
   *
   * @param target - its fd is borrowed until {@link TreeWatcher.removeTarget}
   */
  async addTarget(target: MarkTarget): Promise<AddedTarget> {
    const { tree } = this.#tracker;
    const pathOf = (node: DirectoryNode): string | undefined => tree.pathOf(node);
    // First into the list: directories found while the loop runs are then marked in it as well.
    this.#targets.add(target);
    const first = await this.#targets.markAllIn(target, tree.nodes(), pathOf);
    // Some were renamed, or created, a moment ago and the event is on its way.
    await this.#settle();
    const second = await this.#targets.markAllIn(target, first.missed, pathOf);
    const refused = second.missed.filter((node) => this.#tracker.isInPlace(node));
    for (const node of refused) this.#issues.add(tree.pathOf(node) ?? '', 'notMarked', second.code);
    return { marked: first.marked + second.marked, refused: refused.length };
  }

  /** No longer marks in this group. Its marks stay until its owner closes it. */
  removeTarget(group: number): void {
    this.#targets.remove(group);
  }

  coverage(): WatchCoverage {
    const { tree, strayed } = this.#tracker;
    const counts = { overflows: this.#overflows, resyncs: this.#resyncs, strayed };
    return watchCoverage(tree, this.#roots, this.#issues, counts);
  }

  /** Stops following and closes what it owns. The marks in the targets stay. Idempotent. */
  stop(): void {
    this.#state = 'stopped';
    this.#tracker.stop();
    this.#devices.close();
  }

  /** What the change source of a device calls. Public so that a test can say what the kernel says rarely. */
  onChanges(device: string, changes: DecodedFidEvents): void {
    for (const event of changes.events) {
      if (event.kind === 'entry') this.#tracker.onEntry(device, event);
      else if (event.kind === 'overflow') this.#onLoss('overflow');
    }
    if (changes.malformed !== undefined) this.#onLoss(`malformed:${changes.malformed.reason}`);
  }

  #onLoss(code: string): void {
    if (this.#isStopped()) return;
    if (code === 'overflow') this.#overflows += 1;
    for (const root of this.#roots) this.#issues.add(root.realPath, 'eventsLost', code);
    void this.resync();
  }

  async #walkRoots(roots: readonly WatchedRoot[]): Promise<void> {
    this.#tracker.beginWalk();
    for (const root of roots) {
      try {
        root.realPath = await realpath(root.path);
      } catch (error) {
        this.#loseRoot(root, codeOf(error));
        continue;
      }
      if (this.#isStopped()) return;
      this.#lookAtRoot(root);
    }
    await this.#tracker.whenIdle();
  }

  #lookAtRoot(root: WatchedRoot): void {
    const { tree } = this.#tracker;
    this.#issues.forget(root.path);
    this.#issues.forget(root.realPath);
    const probe = probeDirectory(this.#native.files, root.realPath);
    if (probe.kind !== 'directory') {
      this.#loseRoot(root, probe.kind === 'notDirectory' ? 'ENOTDIR' : probe.code);
      return;
    }
    const found = tree.find(probe.identity);
    if (root.node !== found) this.#dropRoot(root);
    if (found?.place === 'detached') tree.drop(found);
    const unfollowed = probe.hasHandle ? this.#devices.open(probe.device) : 'ENOTSUP';
    if (unfollowed !== undefined) this.#issues.add(root.realPath, 'notFollowed', unfollowed);
    // A root that lies within another one (through a symbolic link) is that one's node.
    root.node = tree.find(probe.identity) ?? tree.addRoot(root.realPath, probe.identity, probe.device);
    this.#tracker.markAndRead(root.node);
  }

  #loseRoot(root: WatchedRoot, code: string): void {
    this.#dropRoot(root);
    this.#issues.forgetBelow(root.realPath);
    this.#issues.add(root.path, 'rootMissing', code);
  }

  #dropRoot(root: WatchedRoot): void {
    // A root within another one is that one's to keep.
    if (root.node?.place === 'root') this.#tracker.tree.drop(root.node);
    root.node = undefined;
  }

  async #runResyncs(): Promise<void> {
    for (;;) {
      this.#resyncAgain = false;
      this.#issues.forgetAll();
      await this.#walkRoots(this.#roots);
      this.#resyncs += 1;
      if (!this.#owesResync()) break;
      await delay(RESYNC_GAP_MS, undefined, { ref: false });
    }
    this.#resync = undefined;
  }

  /** Until what the kernel has told so far has been acted upon; bounded, since it may go on telling. */
  async #settle(): Promise<void> {
    for (let round = 0; round < SETTLE_ROUNDS_MAX; round += 1) {
      const more = this.#devices.drain();
      await this.#tracker.whenIdle();
      if (!more) return;
    }
  }

  #reportUnfollowed(device: string, code: string): void {
    for (const root of this.#roots) {
      if (root.node?.device === device) this.#issues.add(root.realPath, 'notFollowed', code);
    }
  }

  #owesResync(): boolean {
    return this.#resyncAgain && !this.#isStopped();
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }
}
