import { decodePath } from '@portcullis/shared/native';
import type { FileApi } from '@portcullis/shared/native';
import { Arrivals } from './arrivals.js';
import type { Arrival, OnArrived } from './arrivals.js';
import type { Change } from './change-source.js';
import { Departures } from './departures.js';
import type { DeviceWatches } from './device-watch.js';
import { DirectoryTree } from './directory-tree.js';
import type { DirectoryNode } from './directory-tree.js';
import type { MarkTargets } from './mark-targets.js';
import { codeOf, deviceOf, isAbsence, probeDirectory } from './probe-directory.js';
import { ReadQueue } from './read-queue.js';
import { readSubdirectories } from './read-subdirectories.js';
import { UnmarkQueue } from './unmark-queue.js';
import type { WatchIssueLog } from './watch-issue.js';

/** Two, so that a slow directory holds up neither the rest of the walk nor all four threads of libuv's pool. */
const READ_LANES = 2;
/** The kernel queues both halves of a rename together; only the end of a read buffer can come between them. */
const DEPARTED_GRACE_MS = 1_000;

export interface DirectoryTrackerOptions {
  readonly files: FileApi;
  readonly targets: MarkTargets;
  readonly devices: DeviceWatches;
  readonly issues: WatchIssueLog;
  readonly directoriesMax: number;
  /** `single`: roots are marked and nothing below them. */
  readonly depth: 'tree' | 'single';
  readonly isExcluded: (path: string) => boolean;
  readonly onArrived: OnArrived | undefined;
  /** The root of a tree is no longer where it was. The tracker still knows it when this is called. */
  readonly onRootLost: (node: DirectoryNode) => void;
  /** Whether it is followed for another reason than being in a tree. */
  readonly isAwaited: (identity: string) => boolean;
  /** Directories on the device. */
  readonly placesOn: (device: string) => readonly string[];
}

/** A directory on the reading list, and what it came with. */
interface Reading {
  readonly node: DirectoryNode;
  readonly arrival: Arrival | undefined;
}

/**
 * Knows every directory below the roots and brings that knowledge, and the marks, in line with the file system: by
 * reading directories, and by looking again wherever an event says that something changed.
 */
export class DirectoryTracker {
  readonly tree = new DirectoryTree();
  readonly #options: DirectoryTrackerOptions;
  readonly #readings = new ReadQueue<Reading>((reading) => this.#read(reading), READ_LANES);
  readonly #departures = new Departures<DirectoryNode>(DEPARTED_GRACE_MS, (nodes) => {
    this.#giveUp(nodes);
  });
  readonly #unmarks: UnmarkQueue;
  readonly #arrivals: Arrivals;
  #state: 'tracking' | 'stopped' = 'tracking';
  #walk = 1;

  constructor(options: DirectoryTrackerOptions) {
    const { files, targets, devices, placesOn } = options;
    this.#options = options;
    this.#arrivals = new Arrivals(options.onArrived, (node) => this.tree.pathOf(node));
    this.#unmarks = new UnmarkQueue({
      files,
      targets,
      devices,
      placesOn,
      isKnown: (identity) => this.tree.find(identity) !== undefined || options.isAwaited(identity),
    });
  }

  /** Directories that left the trees and could not be unmarked, at most: one that is deleted while open may count. */
  get strayed(): number {
    return this.#unmarks.strayed;
  }

  /** From here on every directory that is come upon is read, also those that were read before. */
  beginWalk(): void {
    this.#walk += 1;
  }

  /** From here on directories that are new, and files that are moved in, are told. */
  beginTelling(): void {
    this.#arrivals.beginTelling();
  }

  /** Resolves when every directory found so far was marked and read. */
  whenIdle(): Promise<void> {
    return this.#readings.whenIdle();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#readings.clear();
    this.#departures.close();
    this.#unmarks.stop();
  }

  onChange(change: Exclude<Change, { kind: 'lost' }>): void {
    const node = this.tree.find(change.directory);
    if (this.#isStopped()) return;
    if (node === undefined) {
      // It has a mark all the same: a path led to it for a moment, in which the mark was meant for another.
      if (change.kind !== 'self' || change.what === 'moved') this.#unmarkUnknown(change.directory);
      return;
    }
    if (change.kind === 'self') {
      if (change.what === 'deleted') this.#dropDeleted(node);
      else if (node.place === 'root') this.#checkRootOf(node);
    } else if (change.kind === 'fileMovedIn') {
      const path = this.#joined(node, decodePath(change.name));
      if (path !== undefined) this.#arrivals.onFile(path);
    } else {
      const ifGone = change.what === 'deleted' ? 'deleted' : 'moved';
      this.#lookAt(node, decodePath(change.name), { ifGone, arrival: undefined });
    }
  }

  /** Looks again at a directory below the root, of which nothing told: something was mounted there, or unmounted. */
  lookAgain(root: DirectoryNode, names: readonly string[]): void {
    let parent: DirectoryNode | undefined = root;
    for (const name of names.slice(0, -1)) parent = parent?.children?.get(name);
    const name = names.at(-1);
    if (parent !== undefined && name !== undefined) {
      this.#lookAt(parent, name, { ifGone: 'moved', arrival: undefined });
    }
  }

  /** Makes the directory at the path a root, marks it and has it read, unless it is known in another tree. */
  placeRoot(path: string, identity: string, device: string): DirectoryNode {
    const found = this.tree.find(identity);
    if (found === undefined) {
      const node = this.tree.addRoot(path, identity, device);
      this.#markAndRead(node, this.#arrivals.open(node));
      return node;
    }
    if (found.place === 'detached') {
      this.#departures.takeBack(found);
      this.tree.makeRoot(found, path);
    }
    this.#markAndRead(found, undefined);
    return found;
  }

  /** The root is not to be one any more. It may turn up in another tree within the grace; then it is given up. */
  releaseRoot(node: DirectoryNode): void {
    if (node.place !== 'root') return;
    this.tree.detach(node);
    this.#departures.add(node);
  }

  /** Whether the inode that the node stands for is what is found at the node's path. */
  isInPlace(node: DirectoryNode): boolean {
    const path = this.tree.pathOf(node);
    if (path === undefined) return false;
    const probe = probeDirectory(this.#options.files, path);
    return probe.kind === 'directory' && probe.identity === node.identity;
  }

  /** Mark first, read afterwards: what is created in between is found by one, what comes later by the other. */
  #markAndRead(node: DirectoryNode, arrival: Arrival | undefined): void {
    const path = this.tree.pathOf(node);
    if (path === undefined || this.#isStopped()) return;
    const { targets, devices, depth } = this.#options;
    this.#report(path, 'notMarked', targets.mark(path));
    const changes = depth === 'single' ? 'self' : this.#arrivals.wantsFiles ? 'entriesAndFiles' : 'entries';
    const followed = devices.follow(node.device, path, node.identity, changes);
    if (followed.kind === 'refused') this.#report(path, 'notFollowed', followed.code);
    // Marks go by paths, and another directory may have taken this one's.
    const marked = probeDirectory(this.#options.files, path);
    if (marked.kind === 'directory' && marked.identity !== node.identity)
      this.#unmarkUnknown(marked.identity);
    if (depth === 'single' || (node.walk === this.#walk && followed.kind !== 'anew')) return;
    node.walk = this.#walk;
    if (arrival !== undefined) arrival.unread += 1;
    this.#readings.push({ node, arrival });
  }

  async #read({ node, arrival }: Reading): Promise<void> {
    await this.#readEntries(node, arrival);
    if (arrival !== undefined && !this.#isStopped()) this.#arrivals.onRead(arrival);
  }

  async #readEntries(node: DirectoryNode, arrival: Arrival | undefined): Promise<void> {
    const path = this.tree.pathOf(node);
    if (path === undefined || this.#isStopped()) return;
    const unseen = new Set(node.children?.keys());
    try {
      await readSubdirectories(this.#options.files, path, (name) => {
        unseen.delete(name);
        this.#lookAt(node, name, { ifGone: 'moved', arrival });
        return !this.#isStopped();
      });
    } catch (error) {
      this.#report(path, 'notRead', codeOf(error));
      return;
    }
    for (const name of unseen) this.#lookAt(node, name, { ifGone: 'moved', arrival });
  }

  /**
   * Brings what is known of one entry in line with what is there now. Events are only a reason to look: the kernel
   * merges them, and by the time one is read the world has moved on.
   *
   * @param why - `ifGone`: whether a directory that is not there may turn up elsewhere in the tree; `arrival`: what the
   * parent came with, while it is being read
   */
  #lookAt(
    parent: DirectoryNode,
    name: string,
    why: { readonly ifGone: 'moved' | 'deleted'; readonly arrival: Arrival | undefined },
  ): void {
    const path = this.#joined(parent, name);
    if (path === undefined || this.#isStopped()) return;
    const { issues, files, isExcluded } = this.#options;
    const known = parent.children?.get(name);
    issues.forget(path);
    const probe = probeDirectory(files, path);
    if (probe.kind === 'failed') {
      issues.add(path, 'notMarked', probe.code);
      return;
    }
    if (probe.kind === 'directory' && isExcluded(path)) {
      this.#giveUpExcluded(probe.identity);
    } else if (probe.kind === 'directory') {
      if (probe.device === parent.device) {
        this.#place(parent, name, { identity: probe.identity, arrival: why.arrival });
        return;
      }
      // First what was known there, and with it the issues of the path.
      if (known !== undefined) this.#takeOut(known, why.ifGone);
      issues.add(path, 'otherDevice', 'EXDEV');
      return;
    } else if (probe.kind === 'absent') {
      this.#checkRootOf(parent);
    }
    if (known !== undefined) this.#takeOut(known, why.ifGone);
  }

  /** The inode is the directory `name` of `parent`: places it in the tree, marks it, has it read. */
  #place(
    parent: DirectoryNode,
    name: string,
    directory: { readonly identity: string; readonly arrival: Arrival | undefined },
  ): void {
    const { identity } = directory;
    const known = parent.children?.get(name);
    const found = this.tree.find(identity);
    if (known !== undefined && known !== found) this.#takeOut(known, 'moved');
    if (found === undefined) {
      if (!this.#hasRoom(parent)) return;
      const node = this.tree.addChild(parent, name, identity);
      this.#markAndRead(node, directory.arrival ?? this.#arrivals.open(node));
      return;
    }
    if (found !== known) {
      // A second name of a directory that is still under its first one: a bind mount. Its mark covers both.
      if (this.tree.isWithin(parent, found) || this.isInPlace(found)) return;
      this.#departures.takeBack(found);
      this.tree.move(found, parent, name);
      // Changes below it that came while its path was unknown were not acted upon: all of it is read again.
      this.beginWalk();
    }
    this.#markAndRead(found, undefined);
  }

  /** When a path leads nowhere, the root itself or a directory above it may have been renamed: no event says so. */
  #checkRootOf(node: DirectoryNode): void {
    let at = node;
    while (at.parent !== undefined) at = at.parent;
    if (at.place === 'root' && !this.isInPlace(at)) this.#options.onRootLost(at);
  }

  #dropDeleted(node: DirectoryNode): void {
    const path = this.tree.pathOf(node);
    if (path !== undefined) this.#options.issues.forget(path);
    if (node.place === 'root') this.#options.onRootLost(node);
    this.#departures.takeBack(node);
    this.tree.drop(node);
  }

  /** The node left its place. What moved may turn up elsewhere within the grace; then it is given up. */
  #takeOut(node: DirectoryNode, why: 'moved' | 'deleted'): void {
    const path = this.tree.pathOf(node);
    if (path !== undefined) {
      this.#options.issues.forget(path);
      this.#options.issues.forgetBelow(path);
    }
    // The event may be about one of that name before, and this one have moved: nothing is deleted with directories in it.
    if (why === 'deleted' && (node.children?.size ?? 0) === 0) {
      this.#unmarks.add(this.tree.drop(node));
    } else {
      this.tree.detach(node);
      this.#departures.add(node);
    }
  }

  /** A directory that was moved to an excluded name is where it is to stay: it loses its marks at once. */
  #giveUpExcluded(identity: string): void {
    const found = this.tree.find(identity);
    if (found?.place !== 'detached') return;
    this.#departures.takeBack(found);
    this.#unmarks.add(this.tree.drop(found));
  }

  #giveUp(nodes: readonly DirectoryNode[]): void {
    // The event that says where they went may be waiting, since this thread was busy for as long as the grace.
    if (this.#options.devices.drain()) {
      for (const node of nodes) this.#departures.add(node);
      return;
    }
    for (const node of nodes) {
      if (node.place === 'detached') this.#unmarks.add(this.tree.drop(node));
    }
  }

  /** If it is in a tree by the time it is looked at, it stays marked. */
  #unmarkUnknown(identity: string): void {
    this.#unmarks.add([{ identity, device: deviceOf(identity) }]);
  }

  #hasRoom(parent: DirectoryNode): boolean {
    if (this.tree.size < this.#options.directoriesMax) return true;
    this.#options.issues.add(this.tree.pathOf(parent) ?? '', 'directoryLimit', 'maxDirectories');
    return false;
  }

  #report(path: string, what: 'notMarked' | 'notFollowed' | 'notRead', code: string | undefined): void {
    if (code !== undefined) this.#options.issues.add(path, isAbsence(code) ? 'vanished' : what, code);
  }

  /** The path of an entry; undefined while the directory's own path is unknown. */
  #joined(parent: DirectoryNode, name: string): string | undefined {
    const path = this.tree.pathOf(parent);
    if (path === undefined) return undefined;
    return path === '/' ? `/${name}` : `${path}/${name}`;
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }
}
