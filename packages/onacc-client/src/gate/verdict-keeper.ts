import { constants, emptyFileStatus, isErrno } from '@portcullis/shared/native';
import type { FileStatus, NativeApi } from '@portcullis/shared/native';
import { kernelCacheable } from '../policy/kernel-cacheable.js';
import { sameKey } from './file-key.js';
import type { FileKey } from './file-key.js';
import type { ArrivedEvent, Flight } from './flights.js';
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
  readonly #now = emptyFileStatus();
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
   * Whether a verdict about this file could be kept at all; asked before the scan. A file that changed a moment ago may change
   * again under the same times. A file with several links may be open for
   * writing through a directory that is not marked, so nothing would tell of its closing: then nobody may be writing at the
   * start either.
   */
  mayKeep(key: FileKey, fd: number): boolean {
    return isSettled(key) && (key.linkCount <= 1 || this.#native.leases.probe(fd) === 'noWriter');
  }

  /**
   * Keeps a clean verdict about the version that was there before the scan: if the file has changed since, its next status has
   * another key and finds nothing. Borrows the fd.
   *
   * @returns whether a mark was set in the kernel
   */
  keepClean(flight: Flight, where: ArrivedEvent): boolean {
    const { key, generation } = flight;
    if (!flight.keepable || generation !== this.#cache.generation) return false;
    if (this.#native.leases.probe(where.fd) !== 'noWriter') return false;
    this.#cache.store(key, generation);
    if (!this.#kernelCache || !kernelCacheable(key)) return false;
    // An ignore mark knows no version, so here the file must still be the one that was scanned.
    this.#native.files.status(where.fd, this.#now);
    return sameKey(this.#now, key) && this.markInKernel(this.#now, where);
  }

  /** Has the kernel stop asking about this file until it changes, where that is safe. @returns whether a mark was set. */
  markInKernel(status: FileKey, where: ArrivedEvent): boolean {
    if (!this.#kernelCache || this.#ignoreMarkFails || !kernelCacheable(status) || !isSettled(status))
      return false;
    try {
      this.#native.fanotify.markFd(where.group, ADD_IGNORE_MARK, IGNORE_OPENS, where.fd);
      return true;
    } catch (error) {
      // A kernel before 5.19 has no evictable marks; ones that pin their inodes are not worth having.
      if (isErrno(error, 'EINVAL')) this.#ignoreMarkFails = true;
      return false;
    }
  }

  /** Somebody who could write has closed the file: forget it at both levels. Borrows the fd. */
  forget(status: FileKey, where: Pick<ArrivedEvent, 'fd' | 'group'>): void {
    this.#cache.drop(status);
    // Also for a file that could not be marked any more: it may have been root's alone when it was.
    if (!this.#kernelCache || this.#ignoreMarkFails) return;
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

function isSettled(status: FileKey): boolean {
  const changedAtMs = status.ctimeSeconds * 1000 + status.ctimeNs / 1e6;
  return Date.now() - changedAtMs >= SETTLED_AFTER_MS;
}
