import { constants } from '@portcullis/shared/native';
import type { FileStatus, NativeApi } from '@portcullis/shared/native';
import { kernelCacheable } from '../policy/kernel-cacheable.js';
import { sameKey } from './file-key.js';
import type { FileKey } from './file-key.js';
import { VerdictCache } from './verdict-cache.js';

/**
 * A file changed less than this ago may change again without its times showing it: kernels before 6.13 step them by up
 * to 10 ms (field notes 3.5.8).
 */
const SETTLED_AFTER_MS = 20;
const IGNORE_OPENS = constants.FAN_OPEN_PERM | constants.FAN_OPEN_EXEC_PERM;
const ADD_IGNORE_MARK =
  constants.FAN_MARK_ADD | constants.FAN_MARK_IGNORED_MASK | constants.FAN_MARK_EVICTABLE;
const REMOVE_IGNORE_MARK = constants.FAN_MARK_REMOVE | constants.FAN_MARK_IGNORED_MASK;

/**
 * Clean verdicts at two levels: in user space for every file, in the kernel (an ignore mark) for files that no untrusted
 * user can write to. Both are kept and served only while the read-lease probe finds nobody who could be writing.
 */
export class VerdictKeeper {
  readonly #native: Pick<NativeApi, 'leases' | 'files' | 'fanotify'>;
  readonly #cache: VerdictCache;
  readonly #kernelCache: boolean;
  #ignoreMarkFails = false;

  constructor(
    native: Pick<NativeApi, 'leases' | 'files' | 'fanotify'>,
    options: { cacheEntriesMax: number; kernelCache: boolean },
  ) {
    this.#native = native;
    this.#cache = new VerdictCache(options.cacheEntriesMax);
    this.#kernelCache = options.kernelCache;
  }

  get generation(): number {
    return this.#cache.generation;
  }

  /** Whether this very version was found clean and nobody can be changing it now. Borrows the fd. */
  knowsClean(status: FileStatus, fd: number): boolean {
    return this.#cache.has(status) && this.#native.leases.probe(fd) === 'noWriter';
  }

  /**
   * Keeps a clean verdict, if the file is still what was scanned. Borrows the fd.
   *
   * @param scratch - overwritten with the file's present status
   * @returns whether a mark was set in the kernel
   */
  keepClean(
    scanned: FileKey,
    generation: number,
    where: { fd: number; group: number },
    scratch: FileStatus,
  ): boolean {
    this.#native.files.status(where.fd, scratch);
    if (!sameKey(scratch, scanned) || !isSettled(scratch)) return false;
    if (this.#native.leases.probe(where.fd) !== 'noWriter') return false;
    this.#cache.store(scratch, generation);
    return generation === this.#cache.generation && this.markInKernel(scratch, where);
  }

  /** Has the kernel stop asking about this file until it changes, where that is safe. @returns whether a mark was set. */
  markInKernel(status: FileStatus, where: { fd: number; group: number }): boolean {
    if (!this.#kernelCache || this.#ignoreMarkFails || !kernelCacheable(status) || !isSettled(status))
      return false;
    try {
      this.#native.fanotify.markFd(where.group, ADD_IGNORE_MARK, IGNORE_OPENS, where.fd);
      return true;
    } catch {
      // A kernel before 5.19 has no evictable marks; ones that pin their inodes are not worth having.
      this.#ignoreMarkFails = true;
      return false;
    }
  }

  /** Somebody who could write has closed the file: forget it at both levels. Borrows the fd. */
  forget(status: FileStatus, where: { fd: number; group: number }): void {
    this.#cache.drop(status);
    if (!this.#kernelCache || this.#ignoreMarkFails || !kernelCacheable(status)) return;
    try {
      this.#native.fanotify.markFd(where.group, REMOVE_IGNORE_MARK, IGNORE_OPENS, where.fd);
    } catch {
      // There was none: a write has cleared it already.
    }
  }

  /** Forgets everything known in user space. Marks in the kernel go with their group. */
  flush(): void {
    this.#cache.flush();
  }
}

function isSettled(status: FileStatus): boolean {
  const changedAtMs = status.ctimeSeconds * 1000 + status.ctimeNs / 1e6;
  return Date.now() - changedAtMs >= SETTLED_AFTER_MS;
}
