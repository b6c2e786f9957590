import { isUtf8 } from 'node:buffer';
import { constants } from '@portcullis/shared/native';
import type { FileApi } from '@portcullis/shared/native';
import type { EntryChange } from './decode-fid-events.js';
import { Departures } from './departures.js';
import type { DeviceWatches } from './device-watch.js';
import { DirectoryTree } from './directory-tree.js';
import type { DirectoryNode } from './directory-tree.js';
import type { MarkTargets } from './mark-targets.js';
import { codeOf, identityOf, isAbsence, probeDirectory } from './probe-directory.js';
import { ReadQueue } from './read-queue.js';
import { readSubdirectories } from './read-subdirectories.js';
import type { WatchIssueLog } from './watch-issue.js';

const { FAN_MOVED_FROM, FAN_DELETE, FAN_DELETE_SELF, FAN_MOVE_SELF } = constants;

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
  readonly isExcluded: (path: string) => boolean;
  /** The root of a tree is no longer where it was. The tracker still knows it when this is called. */
  readonly onRootLost: (node: DirectoryNode) => void;
}

/**
 * Knows every directory below the roots and brings that knowledge, and the marks, in line with the file system: by
 * reading directories, and by looking again wherever an event says that something changed.
 */
export class DirectoryTracker {
  readonly tree = new DirectoryTree();
  readonly #options: DirectoryTrackerOptions;
  readonly #readings = new ReadQueue<DirectoryNode>((node) => this.#read(node), READ_LANES);
  readonly #departures = new Departures<DirectoryNode>(DEPARTED_GRACE_MS, (node) => {
    if (node.place === 'detached') this.#strayed += this.tree.drop(node);
  });
  #state: 'tracking' | 'stopped' = 'tracking';
  #walk = 1;
  #strayed = 0;

  constructor(options: DirectoryTrackerOptions) {
    this.#options = options;
  }

  /** Directories that left the trees, at most: one that is deleted while open may count as well. */
  get strayed(): number {
    return this.#strayed;
  }

  /** From here on every directory that is come upon is read, also those that were read before. */
  beginWalk(): void {
    this.#walk += 1;
  }

  /** Resolves when every directory found so far was marked and read. */
  whenIdle(): Promise<void> {
    return this.#readings.whenIdle();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#readings.clear();
    this.#departures.close();
  }

  onEntry(device: string, event: EntryChange): void {
    const node = this.tree.find(identityOf(device, event.directory));
    // Not ours any more: what left the tree keeps its marks and still reports.
    if (node === undefined) return;
    if ((event.mask & FAN_DELETE_SELF) !== 0) {
      this.#dropDeleted(node);
    } else if ((event.mask & FAN_MOVE_SELF) !== 0) {
      if (node.place === 'root') this.#checkRootOf(node);
    } else if (event.isDirectory) {
      const deleted = (event.mask & FAN_DELETE) !== 0 && (event.mask & FAN_MOVED_FROM) === 0;
      if (isUtf8(event.name)) this.#lookAt(node, event.name.toString(), deleted ? 'deleted' : 'moved');
      else this.#reportNotUtf8(this.#joined(node, event.name.toString()));
    }
  }

  /** Mark first, read afterwards: what is created in between is found by one, what comes later by the other. */
  markAndRead(node: DirectoryNode): void {
    const path = this.tree.pathOf(node);
    if (path === undefined || this.#isStopped()) return;
    this.#report(path, 'notMarked', this.#options.targets.mark(path));
    this.#report(path, 'notFollowed', this.#options.devices.follow(node.device, path));
    if (node.walk === this.#walk) return;
    node.walk = this.#walk;
    this.#readings.push(node);
  }

  /** Whether the inode that the node stands for is what is found at the node's path. */
  isInPlace(node: DirectoryNode): boolean {
    const path = this.tree.pathOf(node);
    if (path === undefined) return false;
    const probe = probeDirectory(this.#options.files, path);
    return probe.kind === 'directory' && probe.identity === node.identity;
  }

  async #read(node: DirectoryNode): Promise<void> {
    const path = this.tree.pathOf(node);
    if (path === undefined || this.#isStopped()) return;
    const unseen = new Set(node.children?.keys());
    try {
      await readSubdirectories(this.#options.files, path, (name) => {
        unseen.delete(name);
        this.#lookAt(node, name, 'moved');
        return !this.#isStopped();
      });
    } catch (error) {
      this.#report(path, 'notRead', codeOf(error));
      return;
    }
    for (const name of unseen) this.#lookAt(node, name, 'moved');
  }

  /**
   * Brings what is known of one entry in line with what is there now. Events are only a reason to look: the kernel
   * merges them, and by the time one is read the world has moved on.
   *
   * @param ifGone - whether a directory that is not there may turn up elsewhere in the tree
   */
  #lookAt(parent: DirectoryNode, name: string, ifGone: 'moved' | 'deleted'): void {
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
    if (probe.kind === 'directory' && !isExcluded(path)) {
      if (probe.device === parent.device) {
        this.#place(parent, name, probe.identity);
        return;
      }
      issues.add(path, 'otherDevice', 'EXDEV');
    } else if (probe.kind === 'absent') {
      this.#checkRootOf(parent);
      // readdir decodes names: what cannot be found under a replacement character has bytes that are no UTF-8.
      if (known === undefined && name.includes('\uFFFD')) this.#reportNotUtf8(path);
    }
    if (known !== undefined) this.#takeOut(known, ifGone);
  }

  /** The inode `identity` is the directory `name` of `parent`: places it in the tree, marks it, has it read. */
  #place(parent: DirectoryNode, name: string, identity: string): void {
    const known = parent.children?.get(name);
    const found = this.tree.find(identity);
    if (known !== undefined && known !== found) this.#takeOut(known, 'moved');
    if (found === undefined) {
      if (this.#hasRoom(parent)) this.markAndRead(this.tree.addChild(parent, name, identity));
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
    this.markAndRead(found);
  }

  /** When a path leads nowhere, the root itself or a directory above it may have been renamed: no event says so. */
  #checkRootOf(node: DirectoryNode): void {
    let at = node;
    while (at.parent !== undefined) at = at.parent;
    if (at.place === 'root' && !this.isInPlace(at)) this.#options.onRootLost(at);
  }

  #dropDeleted(node: DirectoryNode): void {
    this.#departures.takeBack(node);
    const path = this.tree.pathOf(node);
    if (path !== undefined) this.#options.issues.forget(path);
    if (node.place === 'root') this.#options.onRootLost(node);
    this.tree.drop(node);
  }

  /** The node left its place. What moved may turn up elsewhere within the grace; then it is given up. */
  #takeOut(node: DirectoryNode, why: 'moved' | 'deleted'): void {
    const path = this.tree.pathOf(node);
    if (path !== undefined) {
      this.#options.issues.forget(path);
      this.#options.issues.forgetBelow(path);
    }
    if (why === 'deleted') {
      this.tree.drop(node);
    } else {
      this.tree.detach(node);
      this.#departures.add(node);
    }
  }

  #hasRoom(parent: DirectoryNode): boolean {
    if (this.tree.size < this.#options.directoriesMax) return true;
    this.#options.issues.add(this.tree.pathOf(parent) ?? '', 'directoryLimit', 'maxDirectories');
    return false;
  }

  #report(path: string, what: 'notMarked' | 'notFollowed' | 'notRead', code: string | undefined): void {
    if (code !== undefined) this.#options.issues.add(path, isAbsence(code) ? 'vanished' : what, code);
  }

  #reportNotUtf8(path: string | undefined): void {
    if (path !== undefined) this.#options.issues.add(path, 'nameNotUtf8', 'EILSEQ');
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
