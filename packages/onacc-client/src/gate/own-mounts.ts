import type { ReadProcText } from './opener-facts.js';

const FDINFO_BYTES_MAX = 4_096;
/** 100,000 mounts (fs.mount-max, proc_sys_fs(5)) of usual length. What lies beyond counts as foreign. */
const MOUNTINFO_BYTES_MAX = 32 * 2 ** 20;
/** proc_pid_fdinfo(5) */
const MOUNT_ID = /^mnt_id:\t(\d+)$/m;
/** proc_pid_mountinfo(5): the first field. */
const FIRST_FIELD = /^\d+/gm;
/** Between two readings of the table: who makes mounts of his own cannot have us read it for each open. */
const READ_PAUSE_MS = 100;
/** Before Linux 6.8 a mount's number comes back after its end: what was read is believed so long. */
const REUSED_ID_MAX_MS = 1_000;
/** A mount that was foreign may have been moved to us. */
const FOREIGN_MAX_MS = 10_000;
const KNOWN_MAX = 4_096;

/**
 * Which files were reached through a mount of our own mount namespace. Anybody may make a namespace of his own (unshare(1)
 * -U -m) and mount our directories there under other names; the path of his descriptor is his name for it, and says nothing of
 * what is protected.
 *
 * Reads /proc/self/fdinfo and /proc/self/mountinfo: /proc cannot be marked, so that never waits for us.
 */
export class OwnMounts {
  readonly #readProcText: ReadProcText;
  readonly #nowMs: () => number;
  /** By the number that never comes back: when a foreign one is looked at again, `Infinity` for our own. */
  readonly #known = new Map<number, { readonly isOwn: boolean; readonly untilMs: number }>();
  #table: ReadonlySet<string> = new Set();
  #readAtMs = -Infinity;

  constructor(readProcText: ReadProcText, nowMs: () => number) {
    this.#readProcText = readProcText;
    this.#nowMs = nowMs;
  }

  /**
   * @param mountId - statx(2), 0 where there are no unique ones
   * @param fd - the file; borrowed
   * @returns false also where it cannot be told
   */
  has(mountId: number, fd: number): boolean {
    const nowMs = this.#nowMs();
    const known = mountId === 0 ? undefined : this.#known.get(mountId);
    if (known !== undefined && nowMs < known.untilMs) return known.isOwn;
    const isFresh = this.#refresh(nowMs, mountId === 0 ? REUSED_ID_MAX_MS : 0);
    const id = MOUNT_ID.exec(this.#readProcText(`/proc/self/fdinfo/${fd}`, FDINFO_BYTES_MAX))?.[1];
    const isListed = id !== undefined && this.#table.has(id);
    if (mountId === 0) return isListed;
    // A number of the table may have been another mount's when it was read: only a table that was read now says what is ours.
    if (!isFresh) return false;
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(mountId, { isOwn: isListed, untilMs: isListed ? Infinity : nowMs + FOREIGN_MAX_MS });
    return isListed;
  }

  /** @returns whether the table is as new as that */
  #refresh(nowMs: number, ageMaxMs: number): boolean {
    const ageMs = nowMs - this.#readAtMs;
    if (ageMs < Math.max(ageMaxMs, READ_PAUSE_MS)) return ageMs < ageMaxMs;
    this.#readAtMs = nowMs;
    const text = this.#readProcText('/proc/self/mountinfo', MOUNTINFO_BYTES_MAX);
    this.#table = new Set(text.match(FIRST_FIELD));
    return true;
  }
}
