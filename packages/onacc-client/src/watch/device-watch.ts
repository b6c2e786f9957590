import type { NativeApi } from '@portcullis/shared/native';
import type {
  Change,
  ChangeListener,
  ChangeSource,
  DirectoryAccess,
  FollowedChanges,
} from './change-source.js';
import { FidGroup } from './fid-group.js';
import { InotifySource } from './inotify-source.js';
import { codeOf, expectErrno, isUnsupported } from './probe-directory.js';

/**
 * How the changes of one device are learned: `followed` through a source, or `unfollowed` because neither interface of
 * the kernel would, in which case new directories there stay unmarked until the next walk.
 */
type Following =
  | { readonly state: 'followed'; readonly by: 'fanotify' | 'inotify'; readonly source: ChangeSource }
  | { readonly state: 'unfollowed'; readonly code: string };

/** Who is told. */
export interface DeviceListener {
  onChanges(changes: readonly Change[]): void;
  /** The device's first source gave up and another took over: whatever was followed must be followed again. */
  onReplaced(device: string): void;
  /** The device was followed and no longer can be. */
  onUnfollowed(device: string, code: string): void;
}

/** What following one directory came to: `refused` concerns this directory alone. */
export type FollowOutcome =
  { readonly kind: 'anew' | 'asBefore' | 'unfollowed' } | { readonly kind: 'refused'; readonly code: string };

/** The devices that roots lie on, and the change source of each. Owns the sources. */
export class DeviceWatches {
  readonly #native: NativeApi;
  readonly #listener: DeviceListener;
  readonly #inotifyOnly: boolean;
  readonly #devices = new Map<string, Following>();
  #state: 'open' | 'closed' = 'open';

  /** @param options - `inotifyOnly`: fanotify is not to be used (ONACC_INTERFACE=inotify) */
  constructor(native: NativeApi, listener: DeviceListener, options: { readonly inotifyOnly: boolean }) {
    this.#native = native;
    this.#listener = listener;
    this.#inotifyOnly = options.inotifyOnly;
  }

  /**
   * Opens a source for the device unless one was tried before.
   *
   * @param hasHandles - whether events of a FID group can be matched with its directories
   * @returns why it cannot be followed
   */
  open(device: string, hasHandles: boolean): string | undefined {
    // A walk that was under way when everything was closed.
    if (this.#state === 'closed') return 'ECANCELED';
    let following = this.#devices.get(device);
    if (following === undefined) {
      following = hasHandles && !this.#inotifyOnly ? this.#openFidGroup(device) : this.#openInotify(device);
      this.#devices.set(device, following);
    }
    return following.state === 'unfollowed' ? following.code : undefined;
  }

  /** Which of the kernel's interfaces tells of the device; undefined: none. */
  interfaceOf(device: string): 'fanotify' | 'inotify' | undefined {
    const following = this.#devices.get(device);
    return following?.state === 'followed' ? following.by : undefined;
  }

  follow(device: string, path: string, identity: string, changes: FollowedChanges): FollowOutcome {
    const following = this.#devices.get(device);
    if (following?.state !== 'followed') return { kind: 'unfollowed' };
    try {
      return { kind: following.source.follow(path, identity, changes) };
    } catch (error) {
      const code = codeOf(error);
      const isGeneral = isUnsupported(code) || (code === 'EINVAL' && following.by === 'fanotify');
      if (!isGeneral) return { kind: 'refused', code };
      this.#replace(device, following, code);
      return { kind: 'unfollowed' };
    }
  }

  /** Lets go of one directory. Never throws. */
  unfollow(device: string, identity: string, access: DirectoryAccess): void {
    const following = this.#devices.get(device);
    if (following?.state === 'followed') following.source.unfollow(identity, access);
  }

  /** Hands on what is waiting. @returns whether something may be left. */
  drain(): boolean {
    let more = false;
    for (const following of this.#devices.values()) {
      if (following.state === 'followed') more = following.source.drain() || more;
    }
    return more;
  }

  /** Idempotent. */
  close(): void {
    this.#state = 'closed';
    for (const following of this.#devices.values()) {
      if (following.state === 'followed') following.source.close();
    }
    this.#devices.clear();
  }

  /** The source cannot follow this device after all. */
  #replace(device: string, given: Following & { state: 'followed' }, code: string): void {
    if (this.#state === 'closed' || this.#devices.get(device) !== given) return;
    given.source.close();
    const next: Following =
      given.by === 'fanotify' ? this.#openInotify(device) : { state: 'unfollowed', code };
    this.#devices.set(device, next);
    if (next.state === 'followed') this.#listener.onReplaced(device);
    else this.#listener.onUnfollowed(device, next.code);
  }

  #openFidGroup(device: string): Following {
    try {
      const source = new FidGroup(this.#native, device, this.#listenerOf(device));
      return { state: 'followed', by: 'fanotify', source };
    } catch (error) {
      expectErrno(error);
      return this.#openInotify(device);
    }
  }

  #openInotify(device: string): Following {
    try {
      const source = new InotifySource(this.#native, this.#listenerOf(device));
      return { state: 'followed', by: 'inotify', source };
    } catch (error) {
      return { state: 'unfollowed', code: codeOf(error) };
    }
  }

  #listenerOf(device: string): ChangeListener {
    return {
      onChanges: (changes) => {
        this.#listener.onChanges(changes);
      },
      onFailure: (error) => {
        const following = this.#devices.get(device);
        if (following?.state === 'followed') this.#replace(device, following, codeOf(error));
      },
    };
  }
}
