import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@portcullis/shared';
import { constants, isErrno } from '@portcullis/shared/native';
import type { FanotifyApi, FileApi } from '@portcullis/shared/native';
import { openSameGroup } from './permission-group.js';
import type { KernelInterface } from './permission-group.js';

/** Between two tries of a rotation that failed. */
const RETRY_MS = 1_000;
/** So often a new group is given up because something could not be marked in it. Then it is taken all the same: it stays so. */
const REFUSED_TRIES_MAX = 3;
/** How long the end of a rotation under way is waited for at the end. */
const CLOSE_PATIENCE_MS = 500;

/** Who keeps directories marked in a group. */
export interface GroupMarker {
  /** Marks everything in this group too. Ends early, and marks no more, once the target is removed. */
  addTarget(target: { group: number; mask: number }): Promise<{ readonly refused: number }>;
  removeTarget(group: number): void;
}

/** Who reads a group. */
export interface GroupReader {
  addGroup(group: number, options: { readonly nonBlocking: boolean }): void;
  /** @returns how many will say that they have let go */
  releaseGroup(group: number): number;
}

export interface GroupRotationDeps {
  readonly fanotify: FanotifyApi;
  readonly files: Pick<FileApi, 'close'>;
  readonly kernel: KernelInterface;
  readonly marker: GroupMarker;
  readonly reader: GroupReader;
  /** Taken. */
  readonly group: number;
  /** Longer than any open waits. */
  readonly releaseAfterMs: number;
  /** A rotation failed; it is tried again. */
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Owns the fanotify group in use and replaces it when the signatures change: verdicts cached in the kernel are ignore marks,
 * and the one way to be rid of all of them without a moment of no protection is a new group beside the old one.
 *
 * new group → read by the gates → every directory marked in it → old group's marks flushed → read on until no open can wait in it
 * any more → let go by every gate → closed. A gate that is stuck in the old group holds it open, and its opener with it. A new
 * group that cannot be marked goes the same way, and the old one stays.
 */
export class GroupRotation {
  readonly #deps: GroupRotationDeps;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Groups on their way out, and how many gates have yet to let go of each; `Infinity` before they are told to. */
  readonly #retiring = new Map<number, number>();
  #nonBlocking = false;
  #current: number;
  /** The group that is being marked, not yet the current one. */
  #next: number | undefined;
  #running: Promise<void> | undefined;
  #owed = false;
  #refusedTries = 0;
  #state: 'armed' | 'disarmed' | 'closed' = 'armed';

  constructor(deps: GroupRotationDeps) {
    this.#deps = deps;
    this.#current = deps.group;
  }

  /**
   * Replaces the group. A call during a rotation is made good by one more after it, however many there were. Once disarmed
   * nothing is replaced any more.
   */
  rotate(): Promise<void> {
    if (this.#state !== 'armed') return Promise.resolve();
    if (this.#running === undefined) {
      this.#running = this.#rotateUntilDone().finally(() => {
        this.#running = undefined;
      });
    } else {
      this.#owed = true;
    }
    return this.#running;
  }

  /**
   * From now on the kernel refuses the opener of a file that would block a gate (true), or has the gate wait (false).
   * Replaces the group where that is a change: it cannot be had of one that is there.
   */
  async setNonBlocking(nonBlocking: boolean): Promise<void> {
    if (nonBlocking === this.#nonBlocking) return;
    this.#nonBlocking = nonBlocking;
    await this.rotate();
  }

  /** One gate has let go of a retired group; the last one's word closes it. */
  onReleased(group: number): void {
    const left = (this.#retiring.get(group) ?? 0) - 1;
    if (left > 0) {
      this.#retiring.set(group, left);
    } else if (this.#retiring.delete(group)) {
      this.#deps.files.close(group);
    }
  }

  /** Takes the marks away, in every group there is, so that no new event comes. What waits is still there to be answered. */
  disarm(): void {
    if (this.#state === 'armed') this.#state = 'disarmed';
    for (const group of this.#open()) {
      this.#deps.marker.removeTarget(group);
      this.#flush(group);
    }
  }

  /**
   * Closes all groups; the kernel lets everybody through who still waits. Only after {@link disarm} and after the gates have
   * stopped. A group that is being marked at this moment is closed by whoever does that.
   */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    let patience: NodeJS.Timeout | undefined;
    const tooLate = new Promise<void>((resolve) => {
      patience = setTimeout(resolve, CLOSE_PATIENCE_MS);
    });
    await Promise.race([this.#running, tooLate]);
    clearTimeout(patience);
    this.#state = 'closed';
    for (const group of this.#open()) if (group !== this.#next) this.#deps.files.close(group);
    this.#retiring.clear();
  }

  #open(): number[] {
    const groups = [this.#current, ...this.#retiring.keys()];
    return this.#next === undefined ? groups : [...groups, this.#next];
  }

  async #rotateUntilDone(): Promise<void> {
    do {
      try {
        await this.#rotateOnce();
      } catch (error) {
        // Too many groups, for instance: the old verdicts must go all the same, so it is owed until it works.
        this.#deps.onTrouble(error);
        await delay(RETRY_MS, undefined, { ref: false });
        this.#owed = true;
      }
    } while (this.#takeOwed() && this.#state === 'armed');
  }

  #takeOwed(): boolean {
    const owed = this.#owed;
    this.#owed = false;
    return owed;
  }

  async #rotateOnce(): Promise<void> {
    const { fanotify, kernel, marker, reader } = this.#deps;
    const options = { nonBlocking: this.#nonBlocking };
    const next = openSameGroup(fanotify, kernel, options);
    this.#next = next;
    // Read before it is marked: from the first mark on, somebody may be waiting in it.
    reader.addGroup(next, options);
    let failure: Error | undefined;
    try {
      failure = this.#whyRefused(await marker.addTarget({ group: next, mask: kernel.markMask }));
    } catch (error) {
      failure = new Error(messageOf(error), { cause: error });
    }
    this.#next = undefined;
    if (this.#state === 'closed') {
      this.#deps.files.close(next);
      return;
    }
    const outgoing = failure === undefined ? this.#current : next;
    if (failure === undefined) this.#current = next;
    this.#retire(outgoing);
    // Disarmed meanwhile: what was marked since goes with the rest.
    if (this.#state === 'disarmed') this.disarm();
    else if (failure !== undefined) throw failure;
  }

  /** What the old group covers must not be lost with it; but what never can be marked must not keep old verdicts for ever. */
  #whyRefused({ refused }: { readonly refused: number }): Error | undefined {
    if (refused === 0 || this.#refusedTries >= REFUSED_TRIES_MAX) {
      this.#refusedTries = 0;
      return undefined;
    }
    this.#refusedTries += 1;
    return new Error(`${refused} places could not be marked anew`);
  }

  #retire(group: number): void {
    this.#deps.marker.removeTarget(group);
    this.#flush(group);
    this.#retiring.set(group, Infinity);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      // Counted only now: until it is told, a gate that is started late reads the old group as well.
      this.#retiring.set(group, this.#deps.reader.releaseGroup(group));
    }, this.#deps.releaseAfterMs);
    this.#timers.add(timer);
  }

  #flush(group: number): void {
    // A flush is about one kind of marks alone; the path is not looked at (fanotify_mark(2)).
    for (const kind of [0, constants.FAN_MARK_MOUNT, constants.FAN_MARK_FILESYSTEM]) {
      try {
        this.#deps.fanotify.markPath(group, constants.FAN_MARK_FLUSH | kind, 0, '/');
      } catch (error) {
        // Before Linux 4.20 there are no marks of filesystems to take away.
        if (kind !== constants.FAN_MARK_FILESYSTEM || !isErrno(error, 'EINVAL')) throw error;
      }
    }
  }
}
