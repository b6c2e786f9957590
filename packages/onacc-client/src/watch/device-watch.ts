import type { NativeApi } from '@portcullis/shared/native';
import { FidGroup } from './change-source.js';
import type { ChangeSource } from './change-source.js';
import type { DecodedFidEvents } from './decode-fid-events.js';
import { codeOf, isUnsupported } from './probe-directory.js';

/**
 * How the changes of one device are learned: `followed` through a source, or `unfollowed` because the kernel or the
 * file system cannot, in which case new directories there stay unmarked until the next walk.
 */
type Following =
  | { readonly state: 'followed'; readonly source: ChangeSource }
  | { readonly state: 'unfollowed'; readonly code: string };

/** Who is told. `onUnfollowed`: the device was followed and no longer can be. */
export interface DeviceListener {
  onChanges(device: string, changes: DecodedFidEvents): void;
  onUnfollowed(device: string, code: string): void;
}

/** The devices that roots lie on, and the change source of each. Owns the sources. */
export class DeviceWatches {
  readonly #native: NativeApi;
  readonly #listener: DeviceListener;
  readonly #devices = new Map<string, Following>();

  constructor(native: NativeApi, listener: DeviceListener) {
    this.#native = native;
    this.#listener = listener;
  }

  /** Opens a source for the device unless one was tried before. @returns why it cannot be followed. */
  open(device: string): string | undefined {
    let following = this.#devices.get(device);
    if (following === undefined) {
      following = this.#openSource(device);
      this.#devices.set(device, following);
    }
    return following.state === 'unfollowed' ? following.code : undefined;
  }

  /** Follows one directory. @returns the code of a refusal that concerns this directory alone. */
  follow(device: string, path: string): string | undefined {
    const following = this.#devices.get(device);
    if (following?.state !== 'followed') return undefined;
    try {
      following.source.follow(path);
      return undefined;
    } catch (error) {
      const code = codeOf(error);
      if (!isUnsupported(code)) return code;
      this.giveUp(device, code);
      return undefined;
    }
  }

  /** The device cannot be followed after all. */
  giveUp(device: string, code: string): void {
    const following = this.#devices.get(device);
    if (following?.state !== 'followed') return;
    following.source.close();
    this.#devices.set(device, { state: 'unfollowed', code });
    this.#listener.onUnfollowed(device, code);
  }

  /** Hands on what is waiting. @returns whether something may be left. */
  drain(): boolean {
    let more = false;
    for (const following of this.#devices.values()) {
      if (following.state === 'followed') more = following.source.drain() || more;
    }
    return more;
  }

  close(): void {
    for (const following of this.#devices.values()) {
      if (following.state === 'followed') following.source.close();
    }
  }

  #openSource(device: string): Following {
    try {
      const source = new FidGroup(this.#native, {
        onChanges: (changes) => {
          this.#listener.onChanges(device, changes);
        },
        onFailure: (error) => {
          this.giveUp(device, codeOf(error));
        },
      });
      return { state: 'followed', source };
    } catch (error) {
      return { state: 'unfollowed', code: codeOf(error) };
    }
  }
}
