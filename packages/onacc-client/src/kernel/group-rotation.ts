import { setTimeout as delay } from 'node:timers/promises';
import { constants } from '@portcullis/shared/native';
import type { FanotifyApi, FileApi } from '@portcullis/shared/native';
import { openSameGroup } from './permission-group.js';
import type { KernelInterface } from './permission-group.js';

/** Between two tries of a rotation that failed. */
const RETRY_MS = 1_000;

/** Who keeps directories marked in a group. */
export interface GroupMarker {
  addTarget(target: { group: number; mask: number }): Promise<unknown>;
  removeTarget(group: number): void;
}

/** Who reads a group. */
export interface GroupReader {
  addGroup(group: number, options: { readonly nonBlocking: boolean }): void;
  /** @returns how many will say that they have let go */
  releaseGroup(group: number): number;
}

/**
 * Owns the fanotify group in use and replaces it when the signatures change: verdicts cached in the kernel are ignore marks,
 * and the one way to be rid of all of them without a moment of no protection is a new group beside the old one.
 *
 * new group → read by the gates → every directory marked in it → old group's marks flushed → read on until no open can wait in it
 * any more → let go by every gate → closed. A gate that is stuck in the old group holds it open, and its opener with it.
 */
export class GroupRotation {
  readonly #fanotify: FanotifyApi;
  readonly #files: Pick<FileApi, 'close'>;
  readonly #kernel: KernelInterface;
  readonly #marker: GroupMarker;
  readonly #reader: GroupReader;
  readonly #releaseAfterMs: number;
  readonly #onTrouble: (error: unknown) => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Groups on their way out, and how many gates have yet to let go of each; `Infinity` before they are told to. */
  readonly #retiring = new Map<number, number>();
  #nonBlocking = false;
  #current: number;
  #running: Promise<void> | undefined;
  #owed = false;
  #closed = false;

  /** Takes `group`. */
  constructor(deps: {
    fanotify: FanotifyApi;
    files: Pick<FileApi, 'close'>;
    kernel: KernelInterface;
    marker: GroupMarker;
    reader: GroupReader;
    group: number;
    /** Longer than any open waits. */
    releaseAfterMs: number;
    /** A rotation failed; it is tried again. */
    onTrouble: (error: unknown) => void;
  }) {
    this.#fanotify = deps.fanotify;
    this.#files = deps.files;
    this.#kernel = deps.kernel;
    this.#marker = deps.marker;
    this.#reader = deps.reader;
    this.#releaseAfterMs = deps.releaseAfterMs;
    this.#onTrouble = deps.onTrouble;
    this.#current = deps.group;
  }

  /** Replaces the group. A call during a rotation is made good by one more after it, however many there were. */
  rotate(): Promise<void> {
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
      this.#files.close(group);
    }
  }

  /** Takes the marks away, so that no new event comes. What waits is still there to be answered. */
  disarm(): void {
    this.#flush(this.#current);
  }

  /** Closes all groups; the kernel lets everybody through who still waits. Only after the gates have stopped. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const group of [this.#current, ...this.#retiring.keys()]) this.#files.close(group);
    this.#retiring.clear();
  }

  async #rotateUntilDone(): Promise<void> {
    do {
      try {
        await this.#rotateOnce();
      } catch (error) {
        // Too many groups, for instance: the old verdicts must go all the same, so it is owed until it works.
        this.#onTrouble(error);
        await delay(RETRY_MS);
        this.#owed = true;
      }
    } while (this.#takeOwed() && !this.#closed);
  }

  #takeOwed(): boolean {
    const owed = this.#owed;
    this.#owed = false;
    return owed;
  }

  async #rotateOnce(): Promise<void> {
    const options = { nonBlocking: this.#nonBlocking };
    const next = openSameGroup(this.#fanotify, this.#kernel, options);
    const old = this.#current;
    this.#current = next;
    // Read before it is marked: from the first mark on, somebody may be waiting in it.
    this.#reader.addGroup(next, options);
    await this.#marker.addTarget({ group: next, mask: this.#kernel.markMask });
    this.#marker.removeTarget(old);
    this.#flush(old);
    this.#retiring.set(old, Infinity);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      // Counted only now: until it is told, a gate that is started late reads the old group as well.
      this.#retiring.set(old, this.#reader.releaseGroup(old));
    }, this.#releaseAfterMs);
    this.#timers.add(timer);
  }

  #flush(group: number): void {
    // A flush is about one kind of marks alone; the path is not looked at (fanotify_mark(2)).
    for (const kind of [0, constants.FAN_MARK_MOUNT, constants.FAN_MARK_FILESYSTEM]) {
      this.#fanotify.markPath(group, constants.FAN_MARK_FLUSH | kind, 0, '/');
    }
  }
}
