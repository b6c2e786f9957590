import { posix } from 'node:path';
import { decodePath } from '@portcullis/shared/native';
import type { FileApi } from '@portcullis/shared/native';
import type { Change } from './change-source.js';
import type { DeviceWatches } from './device-watch.js';
import { probeDirectory, resolvePath } from './probe-directory.js';

/** How often a path is looked at again because the next of its directories came while it was being followed. */
const STEPS_MAX = 64;

/** The directory that was followed for a path's sake. */
interface Awaited {
  readonly identity: string;
  readonly device: string;
  readonly path: string;
  /** The next component of the awaited path. */
  readonly name: string;
  /** Whether that component is the last one. */
  readonly isParent: boolean;
}

/**
 * Paths that are not there yet. The nearest directory above each is followed, so that the path is seen to come: with
 * nothing but a look every few seconds, a directory would be open to everybody for that long.
 */
export class AwaitedPaths {
  readonly #files: FileApi;
  readonly #devices: DeviceWatches;
  readonly #isInTree: (identity: string) => boolean;
  readonly #awaited = new Map<string, Awaited>();

  /** @param isInTree - such a directory is followed for its own sake: it is neither followed nor let go of here */
  constructor(files: FileApi, devices: DeviceWatches, isInTree: (identity: string) => boolean) {
    this.#files = files;
    this.#devices = devices;
    this.#isInTree = isInTree;
  }

  /** Follows the nearest directory above the path. @returns `come` when the path turned out to be there. */
  async await(path: string): Promise<'awaited' | 'come'> {
    for (let step = 0; step < STEPS_MAX; step += 1) {
      const above = await this.#nearestAbove(path);
      if (above === undefined) break;
      this.#replace(path, above);
      // What came before the directory was followed has caused no event.
      const next = probeDirectory(this.#files, posix.join(above.path, above.name));
      if (next.kind !== 'directory') return 'awaited';
      if (above.isParent) return 'come';
    }
    return 'awaited';
  }

  /** The path is there, or nobody waits for it any more. */
  forget(path: string): void {
    const awaited = this.#awaited.get(path);
    if (awaited === undefined) return;
    this.#awaited.delete(path);
    const { identity, device } = awaited;
    for (const other of this.#awaited.values()) if (other.identity === identity) return;
    if (!this.#isInTree(identity)) this.#devices.unfollow(device, identity, { path: awaited.path });
  }

  /** Whether the directory is followed for the sake of an awaited path. */
  isFollowed(identity: string): boolean {
    for (const awaited of this.#awaited.values()) if (awaited.identity === identity) return true;
    return false;
  }

  /** Whether an awaited path may have come, or the directory that was followed for it has gone. */
  concerns(change: Exclude<Change, { kind: 'lost' }>): boolean {
    if (this.#awaited.size === 0) return false;
    for (const { identity, name } of this.#awaited.values()) {
      if (identity !== change.directory) continue;
      if (change.kind === 'self' || (change.kind === 'entry' && decodePath(change.name) === name))
        return true;
    }
    return false;
  }

  #replace(path: string, above: Awaited): void {
    const before = this.#awaited.get(path);
    if (before?.identity !== above.identity) this.forget(path);
    this.#awaited.set(path, above);
    if (this.#isInTree(above.identity)) return;
    // What cannot be followed is looked for every few seconds all the same.
    this.#devices.follow(above.device, above.path, above.identity, 'arrivals');
  }

  async #nearestAbove(path: string): Promise<Awaited | undefined> {
    let name = posix.basename(path);
    for (let above = posix.dirname(path); ; above = posix.dirname(above)) {
      const real = await resolved(above);
      const probe = real === undefined ? undefined : probeDirectory(this.#files, real);
      if (real !== undefined && probe?.kind === 'directory') {
        if (this.#devices.open(probe.device, probe.hasHandle) !== undefined) return undefined;
        const isParent = above === posix.dirname(path);
        return { identity: probe.identity, device: probe.device, path: real, name, isParent };
      }
      if (above === '/') return undefined;
      name = posix.basename(above);
    }
  }
}

/** With symbolic links resolved; undefined while the path leads nowhere. */
async function resolved(path: string): Promise<string | undefined> {
  try {
    return await resolvePath(path);
  } catch {
    return undefined;
  }
}
