import { emptyFileStatus, isErrno } from '@portcullis/shared/native';
import type { FileStatus, NativeApi } from '@portcullis/shared/native';
import { kernelCacheable } from '../policy/kernel-cacheable.js';
import { keyOf, sameKey } from './file-key.js';
import type { FileKey } from './file-key.js';
import type { ArrivedEvent, Flight, FlightFile } from './flights.js';
import { addIgnoreMark, dropIgnoreMark } from './ignore-mark.js';
import type { LeaseGuard } from './lease-guard.js';
import { TrustedFilesystems } from './trusted-filesystems.js';
import { ANY_MOUNT, VerdictCache } from './verdict-cache.js';

/**
 * A file changed less than this ago may change again without its times showing it: kernels before 6.13 step them by up
 * to 10 ms (field notes 3.5.8).
 */
const SETTLED_AFTER_MS = 20;

/**
 * What became of an event whose verdict was to be kept: nothing in the kernel, an ignore mark, or an ignore mark with the
 * event's descriptor taken to guard it: that one is the keeper's to close.
 */
export type Keeping = 'none' | 'marked' | 'tookFd';

/**
 * Clean verdicts at two levels: in user space for every file, in the kernel (an ignore mark) for files that no untrusted
 * user can write to, and for others where a read lease that is held guards the mark. All are kept and served only while the
 * read-lease probe finds nobody who could be writing, and only on filesystems where that is true (`trusted-filesystems.ts`).
 */
export class VerdictKeeper {
  readonly #native: Pick<NativeApi, 'leases' | 'files' | 'fanotify'>;
  readonly #cache: VerdictCache;
  readonly #kernelCache: boolean;
  readonly #leases: LeaseGuard | undefined;
  readonly #filesystems: TrustedFilesystems;
  readonly #now = emptyFileStatus();
  #ignoreMarkFails = false;

  constructor(
    native: Pick<NativeApi, 'leases' | 'files' | 'fanotify'>,
    options: {
      readonly cacheEntriesMax: number;
      readonly kernelCache: boolean;
      readonly leaseDevices?: readonly string[];
    },
    leases?: LeaseGuard,
  ) {
    this.#filesystems = new TrustedFilesystems(native.files, options.leaseDevices ?? []);
    this.#leases = options.kernelCache ? leases : undefined;
    this.#native = native;
    this.#cache = new VerdictCache(options.cacheEntriesMax);
    this.#kernelCache = options.kernelCache;
  }

  get generation(): number {
    return this.#cache.generation;
  }

  /** Whether this very version was found clean and nobody can be changing it now. Borrows the fd. */
  knowsClean(status: FileStatus, fd: number): boolean {
    const { isTrusted, isRemovable } = this.#filesystems.standingOf(status, fd);
    if (!isTrusted || !this.#cache.has(status, isRemovable ? status.mountId : ANY_MOUNT)) return false;
    return this.#native.leases.probe(fd) === 'noWriter';
  }

  /** Whether the size of a file on this filesystem is what reading it would give. Borrows the fd. */
  believesSize(status: FileStatus, fd: number): boolean {
    return this.#filesystems.standingOf(status, fd).isTrusted;
  }

  /**
   * Whether nobody can be writing to this file at this moment, as far as its filesystem can tell. Only then it may share a scan
   * that is under way: its times say nothing of what is stored through a mapping. Borrows the fd.
   */
  isQuiet(status: FileStatus, fd: number): boolean {
    return this.#filesystems.standingOf(status, fd).isTrusted && this.#native.leases.probe(fd) === 'noWriter';
  }

  /**
   * What can be said of a file before its scan. Its verdict may be kept only if nobody is writing to it at the start: through
   * a link or a mount that is not marked, nothing would tell of the writer's close. A file that changed a moment ago may
   * change again under the same times. Borrows the fd.
   */
  beforeScan(status: FileStatus, fd: number): FlightFile {
    const isQuiet = this.isQuiet(status, fd);
    const { isRemovable } = this.#filesystems.standingOf(status, fd);
    const mount = isRemovable ? status.mountId : ANY_MOUNT;
    return { key: keyOf(status), isQuiet, keepable: isQuiet && isSettled(status), mount };
  }

  /**
   * Keeps a clean verdict about the version that was there before the scan: if the file has changed since, its next status has
   * another key and finds nothing. Borrows the fd, unless it says `tookFd`.
   */
  keepClean(flight: Flight, where: ArrivedEvent): Keeping {
    const { key, generation } = flight;
    if (!flight.keepable || generation !== this.#cache.generation) return 'none';
    // A lease that is held says the same as the probe.
    const tookFd = !kernelCacheable(key) && this.#leases?.guard(where, key, 'once') === true;
    if (!tookFd && this.#native.leases.probe(where.fd) !== 'noWriter') return 'none';
    this.#cache.store(key, generation, flight.mount);
    if (tookFd) return 'tookFd';
    if (!this.#kernelCache || !kernelCacheable(key)) return 'none';
    // An ignore mark knows no version, so here the file must still be the one that was scanned.
    this.#native.files.status(where.fd, this.#now);
    return sameKey(this.#now, key) ? this.#markUnguarded(this.#now, where) : 'none';
  }

  /**
   * Has the kernel stop asking about this file until it changes, where that is safe. Borrows the fd, unless it says
   * `tookFd`.
   */
  markInKernel(status: FileKey, where: ArrivedEvent): Keeping {
    if (!this.#kernelCache || !isSettled(status)) return 'none';
    if (kernelCacheable(status)) return this.#markUnguarded(status, where);
    return this.#leases?.guard(where, status, 'again') === true ? 'tookFd' : 'none';
  }

  #markUnguarded(status: FileKey, where: ArrivedEvent): Keeping {
    if (this.#ignoreMarkFails || !kernelCacheable(status) || !isSettled(status)) return 'none';
    try {
      addIgnoreMark(this.#native.fanotify, where);
      return 'marked';
    } catch (error) {
      // A kernel before 5.19 has no evictable marks; ones that pin their inodes are not worth having.
      if (isErrno(error, 'EINVAL')) this.#ignoreMarkFails = true;
      return 'none';
    }
  }

  /** Somebody who could write has closed the file: forget it at both levels. Borrows the fd. */
  forget(status: FileKey, where: Pick<ArrivedEvent, 'fd' | 'group'>): void {
    this.#cache.drop(status);
    this.#leases?.forget(status);
    // Also for a file that could not be marked any more: it may have been root's alone when it was.
    if (!this.#kernelCache || this.#ignoreMarkFails) return;
    dropIgnoreMark(this.#native.fanotify, where);
  }

  /** No event of this group is left to be read. */
  onQueueEmpty(group: number): void {
    this.#leases?.settle(group);
  }

  /** Forgets everything known in user space. Marks in the kernel go with their group, guarded ones within moments. */
  flush(): void {
    this.#cache.flush();
    this.#leases?.dropAll();
  }
}

function isSettled(status: FileKey): boolean {
  const changedAtMs = status.ctimeSeconds * 1000 + status.ctimeNs / 1e6;
  return Date.now() - changedAtMs >= SETTLED_AFTER_MS;
}
