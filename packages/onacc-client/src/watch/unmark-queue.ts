import { constants as fsConstants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle as OpenFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { emptyFileStatus, encodePath } from '@portcullis/shared/native';
import type { FileApi } from '@portcullis/shared/native';
import type { DeviceWatches } from './device-watch.js';
import type { MarkTargets } from './mark-targets.js';
import { codeOf, handleOf } from './probe-directory.js';

/** How many in a row before the event loop gets a turn; about a millisecond. */
const DIRECTORIES_PER_TURN = 64;
// Nothing of it is read: the descriptor only says which file system a handle belongs to.
const OPEN_FLAGS =
  fsConstants.O_RDONLY | fsConstants.O_DIRECTORY | fsConstants.O_NOFOLLOW | fsConstants.O_NONBLOCK;

/** A directory that is no longer in any tree. */
export interface GoneDirectory {
  readonly identity: string;
  readonly device: string;
}

export interface UnmarkQueueOptions {
  readonly files: Pick<FileApi, 'status' | 'openByHandle' | 'close'>;
  readonly targets: MarkTargets;
  readonly devices: DeviceWatches;
  /** Whether it is in a tree again: then it stays marked. */
  readonly isKnown: (identity: string) => boolean;
  /** Directories that are, or a moment ago were, on the device. */
  readonly placesOn: (device: string) => readonly string[];
}

/**
 * Takes the marks from directories that left the trees. Their path is unknown, so they are opened by handle
 * (open_by_handle_at(2)). The descriptor which that needs is open only while there is work: it would keep the file system
 * from being unmounted.
 */
export class UnmarkQueue {
  readonly #options: UnmarkQueueOptions;
  readonly #waiting = new Map<string, GoneDirectory[]>();
  #running: Promise<void> | undefined;
  #state: 'working' | 'stopped' = 'working';
  #strayed = 0;

  constructor(options: UnmarkQueueOptions) {
    this.#options = options;
  }

  /** Directories that could not be had, and so keep their marks for as long as their groups live. */
  get strayed(): number {
    return this.#strayed;
  }

  add(gone: readonly GoneDirectory[]): void {
    if (gone.length === 0 || this.#state === 'stopped') return;
    for (const directory of gone) {
      const waiting = this.#waiting.get(directory.device);
      if (waiting === undefined) this.#waiting.set(directory.device, [directory]);
      else waiting.push(directory);
    }
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is waiting. */
  whenIdle(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#waiting.clear();
  }

  async #run(): Promise<void> {
    // What is added meanwhile is come upon as well: the map may grow while it is walked.
    for (const [device, gone] of this.#waiting) {
      this.#waiting.delete(device);
      await this.#unmarkAll(device, gone);
    }
    this.#running = undefined;
  }

  async #unmarkAll(device: string, gone: readonly GoneDirectory[]): Promise<void> {
    const mount = await this.#openOn(device);
    try {
      let done = 0;
      for (const directory of gone) {
        if (this.#isStopped()) return;
        this.#unmark(directory, mount?.fd);
        done += 1;
        if (done % DIRECTORIES_PER_TURN === 0) await nextTurn();
      }
    } finally {
      await mount?.close();
    }
  }

  /** Asks and acts without a pause: what comes back afterwards is marked anew. */
  #unmark({ identity, device }: GoneDirectory, mountFd: number | undefined): void {
    const { files, targets, devices, isKnown } = this.#options;
    if (isKnown(identity)) return;
    const handle = handleOf(identity);
    if (handle === undefined || mountFd === undefined) {
      devices.unfollow(device, identity, 'none');
      this.#strayed += 1;
      return;
    }
    let fd: number;
    try {
      fd = files.openByHandle(mountFd, handle);
    } catch (error) {
      // ESTALE: it is deleted, and its marks with it.
      if (codeOf(error) !== 'ESTALE') this.#strayed += 1;
      devices.unfollow(device, identity, 'none');
      return;
    }
    try {
      if (targets.unmark(fd) !== undefined) this.#strayed += 1;
      devices.unfollow(device, identity, { fd });
    } finally {
      files.close(fd);
    }
  }

  /** A descriptor on the file system of the device: with one of another, a handle could name a stranger's directory. */
  async #openOn(device: string): Promise<OpenFile | undefined> {
    const status = emptyFileStatus();
    for (const path of this.#options.placesOn(device)) {
      let place: OpenFile;
      try {
        place = await open(encodePath(path), OPEN_FLAGS);
      } catch {
        continue;
      }
      this.#options.files.status(place.fd, status);
      if (`${status.devMajor}:${status.devMinor}` === device) return place;
      await place.close();
    }
    return undefined;
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }
}
