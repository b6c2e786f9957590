import { constants } from '@portcullis/shared/native';
import type { NativeApi, ReceivedSignal } from '@portcullis/shared/native';
import { dropIgnoreMark } from './ignore-mark.js';
import { LEASE_SIGNAL } from './lease-guard.js';
import type { ClaimedLease, LeaseTable } from './lease-table.js';

/** A descriptor keeps a deleted file's space and a mount busy, so none is held longer. */
export const LEASE_MAX_MS = 30_000;
/** Places looked at, and descriptors let go of, before signals get their chance again. */
const SLICE_SLOTS = 8_192;
const SLICE_RELEASES = 256;
/** After signals were lost: a gate may have been at a lease just then, which shows as held only later. */
const LOOKS_AFTER_LOSS = 4;
const LOOKS_PAUSE_MS = 40;

/** Lets go of guarded descriptors: mark, lease, place, descriptor, in this order. One thread at a time. */
export class LeaseReleaser {
  readonly #native: Pick<NativeApi, 'fanotify' | 'leases' | 'files'>;
  readonly #table: LeaseTable;
  #dropsDone: number;
  #looksLeft = 0;
  #lookedAtMs = -Infinity;
  /** Where the sweep under way goes on, and what it lets go of: whatever was taken before. */
  #sweep: { from: number; beforeMs: number } | undefined;

  constructor(native: Pick<NativeApi, 'fanotify' | 'leases' | 'files'>, table: LeaseTable) {
    this.#native = native;
    this.#table = table;
    this.#dropsDone = table.dropsAsked;
  }

  /** Writers wait for these, so all of them go on before the first descriptor is closed: a last close may have work to do. */
  onSignals(received: readonly ReceivedSignal[]): void {
    const claimed: ClaimedLease[] = [];
    for (const { signal, fd } of received) {
      if (signal === LEASE_SIGNAL) this.#claimBroken(fd, claimed);
      else if (signal === constants.SIGIO) {
        this.#looksLeft = LOOKS_AFTER_LOSS;
        this.#claimAllBroken(claimed);
      }
    }
    this.#close(claimed);
  }

  /**
   * Does a slice of what is due: everything when that was asked for, else what is held too long.
   *
   * @returns whether more is due right away
   */
  work(nowMs: number): boolean {
    this.#lookAgain(nowMs);
    const { dropsAsked } = this.#table;
    if (dropsAsked !== this.#dropsDone) {
      this.#dropsDone = dropsAsked;
      this.#sweep = { from: 0, beforeMs: nowMs };
    }
    this.#sweep ??= { from: 0, beforeMs: nowMs - LEASE_MAX_MS };
    const { from, beforeMs } = this.#sweep;
    const claimed: ClaimedLease[] = [];
    const due: number[] = [];
    let next = this.#table.scan(from, SLICE_SLOTS, (fd, sinceMs) => {
      if (isBefore(sinceMs, beforeMs)) due.push(fd);
    });
    if (due.length > SLICE_RELEASES) next = due[SLICE_RELEASES];
    for (const fd of due.slice(0, SLICE_RELEASES)) {
      const lease = this.#table.claim(fd);
      if (lease !== undefined) this.#unguard(lease, claimed);
    }
    this.#close(claimed);
    this.#sweep = next === undefined ? undefined : { from: next, beforeMs };
    return next !== undefined;
  }

  /** Lets go of everything that is held at this moment. For a table that was closed. */
  releaseAll(): void {
    const claimed: ClaimedLease[] = [];
    let from: number | undefined = 0;
    while (from !== undefined) {
      from = this.#table.scan(from, SLICE_SLOTS, (fd) => {
        const lease = this.#table.claim(fd);
        if (lease !== undefined) this.#unguard(lease, claimed);
      });
      this.#close(claimed.splice(0));
    }
  }

  #claimBroken(fd: number, into: ClaimedLease[]): void {
    const lease = this.#table.claimBroken(fd);
    if (lease !== undefined) this.#unguard(lease, into);
  }

  /** The queue of signals ran over (fcntl(2), F_SETSIG): each lease has to be asked. */
  #claimAllBroken(into: ClaimedLease[]): void {
    let from: number | undefined = 0;
    while (from !== undefined) {
      from = this.#table.scan(from, SLICE_SLOTS, (fd) => {
        if (this.#isBeingBroken(fd)) this.#claimBroken(fd, into);
      });
    }
  }

  #lookAgain(nowMs: number): void {
    if (this.#looksLeft === 0 || nowMs - this.#lookedAtMs < LOOKS_PAUSE_MS) return;
    this.#lookedAtMs = nowMs;
    this.#looksLeft -= 1;
    const claimed: ClaimedLease[] = [];
    this.#claimAllBroken(claimed);
    this.#close(claimed);
  }

  /** It is not claimed yet: a gate may be letting go of it, and close it, at this moment. */
  #isBeingBroken(fd: number): boolean {
    try {
      return this.#native.leases.isBeingBroken(fd);
    } catch {
      return false;
    }
  }

  /** The mark goes first: whoever waits for the lease changes the file as soon as that is gone. */
  #unguard(lease: ClaimedLease, into: ClaimedLease[]): void {
    dropIgnoreMark(this.#native.fanotify, lease);
    this.#native.leases.release(lease.fd);
    into.push(lease);
  }

  #close(claimed: readonly ClaimedLease[]): void {
    for (const { fd } of claimed) {
      this.#table.release(fd);
      this.#native.files.close(fd);
    }
  }
}

/** Of the low 32 bits of two times that lie less than 24 days apart. */
function isBefore(sinceMs: number, limitMs: number): boolean {
  return (((limitMs | 0) - sinceMs) | 0) >= 0;
}
