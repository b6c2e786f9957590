import { constants, emptyFileStatus, isErrno } from '@portcullis/shared/native';
import type { FileStatus, NativeApi } from '@portcullis/shared/native';
import { monotonicMs } from './clock.js';
import { sameKey } from './file-key.js';
import type { FileKey } from './file-key.js';
import { addIgnoreMark, dropIgnoreMark } from './ignore-mark.js';
import type { MarkedFile } from './ignore-mark.js';
import type { LeaseTable } from './lease-table.js';

/** Real-time, so that each signal carries the descriptor it is about; nothing else in the process uses it. */
export const LEASE_SIGNAL = constants.SIGRTMIN + 5;

/**
 * `again`: this version was asked about before, so it may be once more. `once`: nothing is known of that; such files leave a
 * part of the places to others.
 */
export type LeaseReason = 'again' | 'once';

/** A file whose lease is held and whose mark is to come. */
interface PendingMark extends MarkedFile {
  readonly ticket: number;
  readonly key: FileKey;
}

/** Of the places, for files that were asked about once. */
const ONCE_SHARE = 15 / 16;
/** More than a gate reads in a turn; beyond it files go without. */
const PENDING_MAX = 256;

/**
 * The gate's side of lease-guarded ignore marks, for clean files that anybody may write to: first the lease, and the mark as
 * soon as the group has no event left to be read. See `docs/decisions/0012-lease-guarded-marks.md`.
 */
export class LeaseGuard {
  readonly #native: Pick<NativeApi, 'leases' | 'files' | 'fanotify'>;
  readonly #table: LeaseTable;
  /** `major:minor` of those whose files may be held. One that turns out to know no leases is left out from then on. */
  readonly #devices: Set<string>;
  readonly #now: FileStatus = emptyFileStatus();
  #lastDevice = { major: -1, minor: -1, isFit: false };
  #pending: PendingMark[] = [];
  #marksFail = false;

  constructor(
    native: Pick<NativeApi, 'leases' | 'files' | 'fanotify'>,
    table: LeaseTable,
    devices: readonly string[],
  ) {
    this.#native = native;
    this.#table = table;
    this.#devices = new Set(devices);
  }

  /**
   * Holds the file, so that the kernel need not ask about it until somebody wants to write to it.
   *
   * @param key - the version that was found clean
   * @returns whether the event's descriptor was taken
   */
  guard(where: MarkedFile, key: FileKey, reason: LeaseReason): boolean {
    const { fd, group } = where;
    // Of a file without a name only the space would be kept.
    if (this.#marksFail || key.linkCount === 0 || !this.#isFit(key)) return false;
    if (this.#pending.length >= PENDING_MAX) return false;
    if (this.#pending.some((pending) => sameInode(pending.key, key))) return false;
    const { heldMax, threadId } = this.#table;
    const usedMax = reason === 'again' ? heldMax : Math.floor(heldMax * ONCE_SHARE);
    const ticket = this.#table.take(fd, group, { nowMs: monotonicMs(), usedMax });
    if (ticket === undefined) return false;
    let isParked = false;
    try {
      isParked = this.#hold(fd, key, threadId) && this.#isStill(fd, key) && this.#table.park(fd, ticket);
    } finally {
      if (!isParked) this.#letGo(where);
    }
    if (isParked) this.#pending.push({ fd, group, ticket, key });
    return isParked;
  }

  /**
   * No event of this group is left to be read. So nobody who has written to these files has closed them without our knowing
   * it, and with the leases held nobody will: now they may be marked.
   */
  settle(group: number): void {
    if (this.#pending.length === 0) return;
    const due = this.#pending.filter((pending) => pending.group === group);
    if (due.length > 0) this.#pending = this.#pending.filter((pending) => pending.group !== group);
    for (const pending of due) {
      if (!this.#table.resume(pending.fd, pending.ticket)) continue;
      if (!this.#mark(pending) || !this.#table.commit(pending.fd, pending.ticket)) this.#giveUp(pending);
    }
  }

  /** Somebody who could write has closed the file. */
  forget(key: FileKey): void {
    const at = this.#pending.findIndex((pending) => sameInode(pending.key, key));
    const [pending] = at < 0 ? [] : this.#pending.splice(at, 1);
    if (pending !== undefined && this.#table.resume(pending.fd, pending.ticket)) this.#giveUp(pending);
  }

  /** Whatever is held shall be let go of, soon. */
  dropAll(): void {
    this.#pending = [];
    this.#table.askToDropAll();
  }

  #hold(fd: number, key: FileKey, threadId: number): boolean {
    const outcome = this.#native.leases.hold(fd, { signal: LEASE_SIGNAL, threadId });
    if (outcome === 'unsupported') {
      this.#devices.delete(deviceOf(key));
      this.#lastDevice.major = -1;
    }
    return outcome === 'held';
  }

  /** With the lease held nothing changes any more, so what is there now is what will be read. */
  #isStill(fd: number, key: FileKey): boolean {
    try {
      this.#native.files.status(fd, this.#now);
    } catch {
      return false;
    }
    return sameKey(this.#now, key);
  }

  /** Too many marks, or the group has gone: then it is asked about at every open, as before. */
  #mark(pending: PendingMark): boolean {
    try {
      addIgnoreMark(this.#native.fanotify, pending);
      return true;
    } catch (error) {
      if (isErrno(error, 'EINVAL')) this.#marksFail = true; // A kernel before 5.19.
      return false;
    }
  }

  #giveUp(pending: PendingMark): void {
    dropIgnoreMark(this.#native.fanotify, pending);
    this.#letGo(pending);
    this.#native.files.close(pending.fd);
  }

  #letGo({ fd }: MarkedFile): void {
    this.#native.leases.release(fd);
    this.#table.abandon(fd);
  }

  #isFit(key: FileKey): boolean {
    const last = this.#lastDevice;
    if (last.major !== key.devMajor || last.minor !== key.devMinor) {
      const isFit = this.#devices.has(deviceOf(key));
      this.#lastDevice = { major: key.devMajor, minor: key.devMinor, isFit };
    }
    return this.#lastDevice.isFit;
  }
}

function deviceOf(key: FileKey): string {
  return `${key.devMajor}:${key.devMinor}`;
}

function sameInode(a: FileKey, b: FileKey): boolean {
  return (
    a.inodeLow === b.inodeLow &&
    a.inodeHigh === b.inodeHigh &&
    a.devMinor === b.devMinor &&
    a.devMajor === b.devMajor
  );
}
