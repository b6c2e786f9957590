import type { NativeApi } from '@portcullis/shared/native';
import { filesystemPolicy, mayStall } from '../policy/filesystem-policy.js';
import { isBelow, normalisePath } from '../watch/mark-plan.js';
import type { MarkTarget } from '../watch/mark-targets.js';
import { codeOf, expectErrno } from '../watch/probe-directory.js';
import { rethrow } from '../watch/repeated-run.js';
import type { WatchIssue } from '../watch/watch-issue.js';
import type { Watcher } from '../watch/watcher.js';
import { MountChanges, readMountInfo } from './mount-changes.js';
import { coveredMounts, IssueRound, rootCoverage } from './mount-coverage.js';
import type { MountCoverage } from './mount-coverage.js';
import { markMountOf } from './mount-marks.js';
import type { MountMark, MountStrategy } from './mount-marks.js';
import { mountOf, mountsBelow, readMountTable } from './mount-table.js';
import type { Mount } from './mount-table.js';
import { PathPinner } from './pinned-path.js';
import type { PinnedPath } from './pinned-path.js';

export interface MountWatcherOptions {
  readonly native: Pick<NativeApi, 'fanotify' | 'files' | 'poller'>;
  readonly strategy: MountStrategy;
  /** OnAccessMountPath, or OnAccessIncludePath under ONACC_MARKS. One that is missing is reported and looked for again. */
  readonly paths: readonly string[];
  /** What the gates judge of the mounts, links resolved; empty: everything. A path that leads elsewhere is an issue. */
  readonly scope?: readonly string[];
  readonly targets: readonly MarkTarget[];
  /** ONACC_INCLUDE_FILESYSTEMS. */
  readonly includedFilesystems: ReadonlySet<string>;
  /** Told of each issue when it begins, not while it lasts. Must not throw. */
  readonly onIssue: (issue: WatchIssue) => void;
  /** A look that nobody waits for failed in a way that nobody foresaw. Default: an unhandled rejection. */
  readonly onFailure?: (error: unknown) => void;
  /** /proc/self/mountinfo as latin1; another source for tests. */
  readonly readMounts?: () => Promise<string>;
}

/** One configured path and what was found at it in the last look. */
interface MountRoot {
  readonly path: string;
  place: Place;
  /** Outcome by group. */
  marks: ReadonlyMap<number, MountMark>;
}

type Place =
  | { readonly kind: 'missing'; readonly code: string }
  | { readonly kind: 'leftOut'; readonly mount: Mount; readonly policy: 'network' | 'pseudo' }
  | { readonly kind: 'found'; readonly mount: Mount; readonly realPath: string };

interface MarkedMount {
  readonly mount: Mount;
  readonly as: MountStrategy;
}

/** Mounts below that are told of one by one; on a host of containers they come and go all day. The coverage has them. */
const TOLD_OTHERS_MAX = 100;
const NAME_IT_TOO = 'another mount: name it as well if it is to be protected';
const LINK_CHANGED = 'a symbolic link has come or changed since the start: SIGHUP has it followed anew';
const MOUNT_MARK_ONLY = 'opens through other mounts of this filesystem, as in containers, are not seen';
const UNKNOWN: Place = { kind: 'missing', code: 'ENOENT' };
const NO_MARKS: ReadonlyMap<number, MountMark> = new Map();

/**
 * Keeps marks on the mounts or filesystems that the paths lie on. A filesystem that is mounted at a path later, or over
 * it, is marked then. Mounts further below are other mounts: they stay unmarked, as with clamonacc, and are issues.
 *
 * A mark is never taken away: what is covered by a later mount can still be reached through open directories.
 */
export class MountWatcher implements Watcher {
  readonly #options: MountWatcherOptions;
  readonly #roots: readonly MountRoot[];
  #targets: readonly MarkTarget[];
  #changes: MountChanges | undefined;
  #issues = new IssueRound();
  #toldOthers = 0;
  #text = '';
  #mounts: readonly Mount[] = [];
  /** By directory, for the table as it stands: on a host of containers it is costly to find out. */
  readonly #below = new Map<string, readonly Mount[]>();
  #state: 'idle' | 'following' | 'stopped' = 'idle';
  readonly #pinner = new PathPinner();
  /** The look under way, and the one that is owed to whoever has called since it began. */
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(options: MountWatcherOptions) {
    this.#options = options;
    this.#targets = options.targets;
    const paths = new Set(options.paths.map(normalisePath));
    this.#roots = [...paths].map((path) => ({ path, place: UNKNOWN, marks: NO_MARKS }));
  }

  /** Sets the first marks and follows the mounts from then on. */
  start(): Promise<void> {
    if (this.#state === 'idle') {
      this.#state = 'following';
      // Followed first: what is mounted while the marks are set is looked at afterwards.
      this.#changes = new MountChanges(
        this.#options.native,
        () => this.resync(),
        this.#options.onFailure ?? rethrow,
      );
    }
    return this.resync();
  }

  retryMissing(): Promise<void> {
    return this.#roots.some(({ place }) => place.kind === 'missing') ? this.resync() : Promise.resolve();
  }

  /** Looks at the mount table and sets every mark again. A call during a look is made good by one more after it. */
  resync(): Promise<void> {
    if (this.#running === undefined) return this.#beginLook();
    this.#next ??= this.#running.catch(() => undefined).then(() => this.#beginLook());
    return this.#next;
  }

  /**
   * Marks everything in another group too.
   *
   * @param target - its fd is borrowed until {@link MountWatcher.removeTarget}
   * @returns how many of the paths are marked in it
   * @throws Error when the group is one already: a bug
   */
  async addTarget(target: MarkTarget): Promise<{ marked: number; refused: number }> {
    if (this.#targets.some(({ group }) => group === target.group)) {
      throw new Error(`group ${target.group} is a mark target already`);
    }
    const isMarked = ({ marks }: MountRoot): boolean =>
      [...marks.values()].some(({ kind }) => kind === 'marked');
    const before = new Set(this.#roots.filter(isMarked));
    this.#targets = [...this.#targets, target];
    await this.resync();
    const kindOf = (root: MountRoot): MountMark['kind'] | undefined => root.marks.get(target.group)?.kind;
    const marked = this.#roots.filter((root) => kindOf(root) === 'marked').length;
    // Also what was marked in the other groups and could not even be looked at now.
    const refused = this.#roots.filter(
      (root) => kindOf(root) === 'refused' || (kindOf(root) === undefined && before.has(root)),
    ).length;
    return { marked, refused };
  }

  /** No longer marks in this group. Its marks stay until its owner closes it. */
  removeTarget(group: number): void {
    this.#targets = this.#targets.filter((target) => target.group !== group);
    for (const root of this.#roots)
      root.marks = new Map([...root.marks].filter(([known]) => known !== group));
  }

  coverage(): MountCoverage {
    return {
      strategy: this.#options.strategy,
      mounts: coveredMounts(this.#marked()),
      directories: 0,
      overflows: 0,
      resyncs: 0,
      strayed: 0,
      unlistedIssues: this.#issues.unlisted,
      roots: this.#roots.map(({ path, place }) =>
        rootCoverage(path, place.kind !== 'missing', this.#issues.of(path)),
      ),
    };
  }

  stop(): void {
    this.#state = 'stopped';
    this.#changes?.close();
  }

  #beginLook(): Promise<void> {
    this.#next = undefined;
    this.#running = this.#look().finally(() => {
      // With a look owed, the one that is over goes on being the one to wait for until that begins.
      if (this.#next === undefined) this.#running = undefined;
    });
    return this.#running;
  }

  async #look(): Promise<void> {
    const isSame = (await this.#readTable()) === 'same';
    const pinned: { root: MountRoot; pin: PinnedPath }[] = [];
    for (const root of this.#roots) {
      if (this.#isStopped()) break;
      // To look at a path whose server is away can block, so it is done only when there is a reason to.
      if (isSame && this.#isSettled(root)) continue;
      const pin = await this.#pin(root);
      if (pin !== undefined) pinned.push({ root, pin });
    }
    // The table once more: only now can no number in it stand for another mount than the one that is held.
    if (pinned.length > 0) await this.#readTable();
    for (const { root, pin } of pinned) {
      if (!this.#isStopped()) this.#placeAndMark(root, pin);
      await pin.close();
    }
    if (!this.#isStopped()) this.#report();
  }

  /** Whether the path may stall and is marked in every group as it is. */
  #isSettled({ place, marks }: MountRoot): boolean {
    if (place.kind !== 'found' || !mayStall(place.mount.type)) return false;
    return this.#targets.every(({ group }) => marks.get(group)?.kind === 'marked');
  }

  async #readTable(): Promise<'same' | 'changed'> {
    let text = '';
    try {
      text = await (this.#options.readMounts ?? readMountInfo)();
    } catch (error) {
      expectErrno(error); // no /proc: each path is reported as missing
    }
    if (text === this.#text) return 'same';
    this.#text = text;
    this.#mounts = readMountTable(text);
    this.#below.clear();
    return 'changed';
  }

  /** @returns undefined for a path that is left out, by its name alone and untouched, or that is not there */
  async #pin(root: MountRoot): Promise<PinnedPath | undefined> {
    const named = this.#judge(mountOf(root.path, this.#mounts), root.path);
    let place = named;
    if (named.kind !== 'leftOut') {
      try {
        return await this.#pinner.pin(root.path);
      } catch (error) {
        place = { kind: 'missing', code: codeOf(error) };
      }
    }
    root.place = place;
    root.marks = NO_MARKS;
    return undefined;
  }

  #placeAndMark(root: MountRoot, pin: PinnedPath): void {
    root.place = this.#judge(
      this.#mounts.find(({ id }) => id === pin.mountId),
      pin.realPath,
    );
    if (root.place.kind !== 'found') {
      root.marks = NO_MARKS;
      return;
    }
    const { native, strategy } = this.#options;
    const marks = new Map(root.marks);
    for (const target of this.#targets) {
      marks.set(target.group, markMountOf(native.fanotify, target, strategy, pin.magicLink));
    }
    root.marks = marks;
  }

  #judge(mount: Mount | undefined, realPath: string): Place {
    if (mount === undefined) return UNKNOWN;
    const policy = filesystemPolicy(mount.type, this.#options.includedFilesystems);
    return policy === 'protect' ? { kind: 'found', mount, realPath } : { kind: 'leftOut', mount, policy };
  }

  #report(): void {
    const round = new IssueRound();
    const marked = [...this.#marked()];
    for (const root of this.#roots) this.#issuesOf(root, marked, round);
    const before = this.#issues;
    this.#issues = round;
    for (const issue of round.notIn(before)) {
      if (issue.what === 'otherDevice' && (this.#toldOthers += 1) > TOLD_OTHERS_MAX) continue;
      this.#options.onIssue(issue);
    }
  }

  #issuesOf(root: MountRoot, marked: readonly MarkedMount[], round: IssueRound): void {
    const { path, place, marks } = root;
    if (place.kind === 'missing') {
      round.add(path, 'rootMissing', { path, code: place.code });
      return;
    }
    if (place.kind === 'leftOut') {
      const code = `${place.policy}Filesystem:${place.mount.type}`;
      round.add(path, 'notMarked', { path, code, ...adviceOnLeftOut(place) });
      return;
    }
    if (!this.#isInScope(place.realPath)) {
      round.add(path, 'notMarked', { path, code: `leadsTo:${place.realPath}`, advice: LINK_CHANGED });
    }
    for (const mark of marks.values()) {
      if (mark.kind === 'refused') round.add(path, 'notMarked', { path, code: mark.code });
      else if (mark.refusal !== undefined) {
        round.add(path, 'notFollowed', {
          path,
          code: `mountMarkOnly:${mark.refusal}`,
          advice: MOUNT_MARK_ONLY,
        });
      }
    }
    for (const below of this.#mountsBelow(place.realPath)) {
      const isCovered = marked.some(({ mount, as }) =>
        as === 'mount' ? mount.id === below.id : mount.device === below.device,
      );
      if (isCovered) continue;
      const code = `notMarked:${below.type}`;
      round.add(path, 'otherDevice', { path: below.mountPoint, code, advice: NAME_IT_TOO });
    }
  }

  #isInScope(realPath: string): boolean {
    const { scope = [] } = this.#options;
    return scope.length === 0 || scope.some((place) => place === realPath || isBelow(realPath, place));
  }

  /** Those that hold files. */
  #mountsBelow(directory: string): readonly Mount[] {
    const known = this.#below.get(directory);
    if (known !== undefined) return known;
    const { includedFilesystems } = this.#options;
    const found = mountsBelow(directory, this.#mounts).filter(
      ({ type }) => filesystemPolicy(type, includedFilesystems) !== 'pseudo',
    );
    this.#below.set(directory, found);
    return found;
  }

  /** The mounts of the paths that are marked in some group, and how. */
  *#marked(): Iterable<MarkedMount> {
    for (const { place, marks } of this.#roots) {
      if (place.kind !== 'found') continue;
      for (const mark of marks.values()) {
        if (mark.kind === 'marked') yield { mount: place.mount, as: mark.as };
      }
    }
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }
}

function adviceOnLeftOut(place: Place & { kind: 'leftOut' }): { advice?: string } {
  if (place.policy === 'pseudo') return {};
  const { type } = place.mount;
  return {
    advice: `its server could hold up every open; to protect it all the same, set ONACC_INCLUDE_FILESYSTEMS=${type}`,
  };
}
