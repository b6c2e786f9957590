import { posix } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { NativeApi } from '@portcullis/shared/native';
import type { OnArrived } from './arrivals.js';
import { AwaitedPaths } from './awaited-paths.js';
import type { Change } from './change-source.js';
import { DeviceWatches } from './device-watch.js';
import { DirectoryTracker } from './directory-tracker.js';
import type { DirectoryNode } from './directory-tree.js';
import type { IsExcluded } from './excluded-paths.js';
import { isBelow } from './mark-plan.js';
import { MarkTargets } from './mark-targets.js';
import type { MarkTarget } from './mark-targets.js';
import { MountPoints } from './mount-points.js';
import { codeOf, isAbsence, probeDirectory, resolvePath } from './probe-directory.js';
import { RepeatedRun, rethrow } from './repeated-run.js';
import { watchCoverage } from './watch-coverage.js';
import type { WatchCoverage, WatchedRoot } from './watch-coverage.js';
import { WatchIssueLog } from './watch-issue.js';
import type { WatchIssue } from './watch-issue.js';
import type { Watcher } from './watcher.js';

const DIRECTORIES_MAX = 1_000_000;
const LISTED_ISSUES_MAX = 1_000;
/** Between two walks of everything when the queue overflows again and again. */
const RESYNC_GAP_MS = 1_000;
const SETTLE_ROUNDS_MAX = 8;
/** Before everything is walked again because something could not be marked, read or followed; doubled each time. */
const FAILED_GAP_MIN_MS = 60_000;
const FAILED_GAP_MAX_MS = 1_800_000;

export interface TreeWatcherOptions {
  readonly native: NativeApi;
  /** Absolute paths, from the mark plan. One that is missing is reported and waited for. */
  readonly roots: readonly string[];
  readonly targets: readonly MarkTarget[];
  /** Told once of each issue, while it is listed. Must not throw. */
  readonly onIssue: (issue: WatchIssue) => void;
  /** `tree` (the default): everything below the roots as well. `single`: the roots alone (OnAccessDisableDDD). */
  readonly depth?: 'tree' | 'single';
  /** At most so many directories are marked. Default 1,000,000; at least 1. */
  readonly maxDirectories?: number;
  /** Directories that stay unmarked with everything below them. Must be pure and quick. */
  readonly isExcluded?: IsExcluded;
  /**
   * Told of what came after the start, with depth `tree`: a directory, once it and everything below it is marked, and a file
   * that was moved in or renamed. Must be quick and not throw.
   */
  readonly onArrived?: OnArrived;
  /** A walk that nobody waits for failed in a way that nobody foresaw. Default: an unhandled rejection. */
  readonly onFailure?: (error: unknown) => void;
  /** Whether changes are followed through inotify alone. Default: only where fanotify cannot. */
  readonly inotifyOnly?: boolean;
  /** A monotonic clock. Default performance.now(). */
  readonly nowMs?: () => number;
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
export class TreeWatcher implements Watcher {
  readonly #native: NativeApi;
  readonly #nowMs: () => number;
  readonly #onFailure: (error: unknown) => void;
  readonly #depth: 'tree' | 'single';
  readonly #isExcluded: IsExcluded;
  readonly #roots: readonly WatchedRoot[];
  readonly #targets: MarkTargets;
  readonly #issues: WatchIssueLog;
  readonly #devices: DeviceWatches;
  readonly #tracker: DirectoryTracker;
  readonly #awaited: AwaitedPaths;
  readonly #mounts: MountPoints;
  readonly #resyncRuns = new RepeatedRun(
    () => this.#walkEverything(),
    () => delay(RESYNC_GAP_MS, undefined, { ref: false }),
  );
  readonly #retryRuns = new RepeatedRun(() => this.#walkMissing());
  #state: 'following' | 'stopped' = 'following';
  #overflows = 0;
  #resyncs = 0;
  #failedGapMs = FAILED_GAP_MIN_MS;
  #failedRetryAtMs: number;

  constructor(options: TreeWatcherOptions) {
    const { native } = options;
    this.#native = native;
    this.#onFailure = options.onFailure ?? rethrow;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#failedRetryAtMs = this.#nowMs() + FAILED_GAP_MIN_MS;
    this.#depth = options.depth ?? 'tree';
    this.#isExcluded = options.isExcluded ?? (() => false);
    this.#roots = options.roots.map((path) => ({ path, realPath: path, device: undefined, node: undefined }));
    this.#targets = new MarkTargets(native.fanotify, options.targets);
    this.#issues = new WatchIssueLog(options.onIssue, LISTED_ISSUES_MAX);
    this.#devices = this.#createDevices(options.inotifyOnly ?? false);
    this.#tracker = new DirectoryTracker({
      files: native.files,
      targets: this.#targets,
      devices: this.#devices,
      issues: this.#issues,
      directoriesMax: options.maxDirectories ?? DIRECTORIES_MAX,
      depth: this.#depth,
      isExcluded: (path) => this.#isExcludedByAnyName(path),
      onArrived: this.#depth === 'tree' ? options.onArrived : undefined,
      onRootLost: (node) => {
        for (const root of this.#roots) if (root.node === node) this.#loseRoot(root, 'ENOENT');
        // Directories are swapped by renaming one over the other: its successor may be in place already.
        this.retryMissing().catch(this.#onFailure);
      },
      isAwaited: (identity) => this.#awaited.isFollowed(identity),
      placesOn: (device) =>
        this.#roots
          .filter((root) => root.device === device)
          .flatMap(({ realPath }) => [realPath, posix.dirname(realPath)]),
    });
    this.#awaited = new AwaitedPaths(
      native.files,
      this.#devices,
      (identity) => this.#tracker.tree.find(identity) !== undefined,
    );
    this.#mounts = new MountPoints(
      native,
      (mountPoints) => this.#onMountsChanged(mountPoints),
      this.#onFailure,
    );
  }

  /** Marks every directory of every root. Resolves when that is done; what could not be marked is an issue. */
  async start(): Promise<void> {
    await this.#mounts.open();
    await this.#walkRoots(this.#roots);
    this.#tracker.beginTelling();
  }

  /**
   * Looks again for the roots that are missing, whether the others are still what is found at their paths, and now and then
   * at everything, while something could not be marked, read or followed.
   */
  retryMissing(): Promise<void> {
    return this.#retryRuns.run();
  }

  /** Walks everything again, missing roots included. Marks are idempotent. Resolves when no walk is owed any more. */
  resync(): Promise<void> {
    return this.#resyncRuns.run();
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
    const counts = { overflows: this.#overflows, resyncs: this.#resyncs, strayed: this.#tracker.strayed };
    return watchCoverage(this.#tracker.tree, this.#roots, this.#issues, {
      ...counts,
      followedBy: (device) => this.#devices.interfaceOf(device),
    });
  }

  /** Stops following and closes what it owns. The marks in the targets stay. Idempotent. */
  stop(): void {
    this.#state = 'stopped';
    this.#mounts.close();
    this.#tracker.stop();
    this.#devices.close();
  }

  /** What the change sources call. Public so that a test can say what the kernel says rarely. */
  onChanges(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'lost') {
        this.#onLoss(change.code);
        continue;
      }
      this.#tracker.onChange(change);
      if (this.#awaited.concerns(change)) this.retryMissing().catch(this.#onFailure);
    }
  }

  #createDevices(inotifyOnly: boolean): DeviceWatches {
    const listener = {
      onChanges: (changes: readonly Change[]) => {
        this.onChanges(changes);
      },
      onReplaced: () => {
        this.resync().catch(this.#onFailure);
      },
      onUnfollowed: (device: string, code: string) => {
        for (const root of this.#roots) {
          if (root.node?.device === device) this.#issues.add(root.realPath, 'notFollowed', code);
        }
      },
    };
    return new DeviceWatches(this.#native, listener, { inotifyOnly });
  }

  #onLoss(code: string): void {
    if (this.#isStopped()) return;
    if (code === 'overflow') this.#overflows += 1;
    for (const root of this.#roots) this.#issues.add(root.realPath, 'eventsLost', code);
    this.resync().catch(this.#onFailure);
  }

  #onMountsChanged(mountPoints: readonly string[]): Promise<void> {
    for (const { node, realPath } of this.#roots) {
      if (node?.place !== 'root' || this.#depth === 'single') continue;
      for (const point of mountPoints) {
        if (isBelow(point, realPath)) {
          this.#tracker.lookAgain(node, point.slice(realPath.length + 1).split('/'));
        }
      }
    }
    return this.retryMissing();
  }

  async #walkEverything(): Promise<void> {
    if (this.#isStopped()) return;
    this.#issues.beginAnew();
    await this.#walkRoots(this.#roots);
    this.#issues.endAnew();
    this.#resyncs += 1;
  }

  async #walkMissing(): Promise<void> {
    const missing: WatchedRoot[] = [];
    for (const root of this.#roots) if (!(await this.#isRootInPlace(root))) missing.push(root);
    if (missing.length > 0 && !this.#isStopped()) await this.#walkRoots(missing);
    await this.#retryFailed();
  }

  async #retryFailed(): Promise<void> {
    const nowMs = this.#nowMs();
    if (nowMs < this.#failedRetryAtMs) return;
    const isFailed = this.#issues.isWorthRetrying;
    if (isFailed) await this.resync();
    this.#failedGapMs = isFailed ? Math.min(2 * this.#failedGapMs, FAILED_GAP_MAX_MS) : FAILED_GAP_MIN_MS;
    this.#failedRetryAtMs = nowMs + this.#failedGapMs;
  }

  /** Whether the root's path still leads to what is watched: no event tells of a directory above it, or of a mount. */
  async #isRootInPlace({ path, realPath, node }: WatchedRoot): Promise<boolean> {
    if (node === undefined) return false;
    if (path !== realPath && (await resolvePath(path).catch(() => '')) !== realPath) return false;
    const at = probeDirectory(this.#native.files, realPath);
    return at.kind === 'failed' || (at.kind === 'directory' && at.identity === node.identity);
  }

  async #walkRoots(roots: readonly WatchedRoot[]): Promise<void> {
    this.#tracker.beginWalk();
    for (const root of roots) {
      let found = await this.#lookAtRoot(root);
      if (found === 'missing' && (await this.#awaited.await(root.path)) === 'come') {
        found = await this.#lookAtRoot(root);
      }
      if (found === 'there') this.#awaited.forget(root.path);
      if (this.#isStopped()) return;
    }
    await this.#tracker.whenIdle();
  }

  async #lookAtRoot(root: WatchedRoot): Promise<'there' | 'missing' | 'kept' | 'refused'> {
    let realPath: string;
    try {
      realPath = await resolvePath(root.path);
    } catch (error) {
      const code = codeOf(error);
      if (this.#isStopped()) return 'kept';
      if (isAbsence(code) || root.node === undefined) return this.#loseRoot(root, code);
      // No reason to let go of it: a moment without descriptors, or of input and output errors.
      this.#issues.add(root.realPath, 'notRead', code);
      return 'kept';
    }
    if (this.#isStopped()) return 'kept';
    if (realPath !== root.realPath) this.#dropRoot(root);
    const refusal = this.#refuse(root.path, realPath);
    if (refusal !== undefined) {
      this.#issues.add(root.path, 'rootRefused', refusal);
      return 'refused';
    }
    root.realPath = realPath;
    const probe = probeDirectory(this.#native.files, realPath);
    if (probe.kind === 'failed' && root.node !== undefined) {
      this.#issues.add(realPath, 'notRead', probe.code);
      return 'kept';
    }
    if (probe.kind !== 'directory') {
      return this.#loseRoot(root, probe.kind === 'notDirectory' ? 'ENOTDIR' : probe.code);
    }
    if (root.node?.identity !== probe.identity) this.#dropRoot(root);
    // Not earlier: an issue that stays is told once, not at each retry.
    this.#issues.forget(root.path);
    this.#issues.forget(realPath);
    root.device = probe.device;
    const unfollowed = this.#devices.open(probe.device, probe.hasHandle);
    if (unfollowed !== undefined) this.#issues.add(realPath, 'notFollowed', unfollowed);
    // A root that lies within another one (through a symbolic link) is that one's node.
    root.node = this.#tracker.placeRoot(realPath, probe.identity, probe.device);
    return 'there';
  }

  /** The mark plan has judged the path as it is written; this is about where a symbolic link leads. */
  #refuse(path: string, realPath: string): string | undefined {
    if (this.#depth === 'single' || realPath === path) return undefined;
    if (realPath === '/') return 'ROOT';
    return this.#isExcluded(realPath) ? 'EXCLUDED' : undefined;
  }

  #loseRoot(root: WatchedRoot, code: string): 'missing' {
    this.#dropRoot(root);
    this.#issues.forgetBelow(root.realPath);
    this.#issues.add(root.path, 'rootMissing', code);
    return 'missing';
  }

  #dropRoot(root: WatchedRoot): void {
    // A root within another one is that one's to keep.
    if (root.node !== undefined) this.#tracker.releaseRoot(root.node);
    root.node = undefined;
  }

  /** Exclusions are written with the names of the configuration, and trees are walked by their real ones. */
  #isExcludedByAnyName(path: string): boolean {
    if (this.#isExcluded(path)) return true;
    return this.#roots.some(
      (root) =>
        root.realPath !== root.path &&
        isBelow(path, root.realPath) &&
        this.#isExcluded(root.path + path.slice(root.realPath.length)),
    );
  }

  /** Until what the kernel has told so far has been acted upon; bounded, since it may go on telling. */
  async #settle(): Promise<void> {
    for (let round = 0; round < SETTLE_ROUNDS_MAX; round += 1) {
      const more = this.#devices.drain();
      await this.#tracker.whenIdle();
      if (!more) return;
    }
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }
}
