import type { FileApi, FileStatus } from '@portcullis/shared/native';

/** linux/magic.h: statfs(2) f_type. */
const TMPFS = 0x0102_1994;
/**
 * Filesystems of this kernel alone, where the read-lease probe sees every writer and every mapping (measured; i_writecount).
 * Not overlayfs, whose mappings are counted on the file below; not FUSE and not what other machines write to.
 */
const TRUSTED: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x5846_5342, // xfs
  0x9123_683e, // btrfs
  0xf2f5_2010, // f2fs
  TMPFS,
]);
/** Containers have a mount for each volume and each service; beyond that everything is asked anew. */
const MOUNTS_MAX = 4_096;

type Place = Pick<FileStatus, 'mountId' | 'devMajor' | 'devMinor'>;

/** What may be kept of the files on one mount. */
export interface Standing {
  /** Whether a verdict may be kept at all, and a size believed. */
  readonly isTrusted: boolean;
  /** The disk can be taken out and changed elsewhere: what is known of it holds for this mount only. */
  readonly isRemovable: boolean;
}

const UNTRUSTED: Standing = { isTrusted: false, isRemovable: true };

/**
 * Which files are on a filesystem whose word can be relied on: asked once a mount (fstatfs(2)), since a mount's number never
 * comes back; before Linux 6.8 such numbers do not exist, and every file is asked about.
 */
export class TrustedFilesystems {
  readonly #files: Pick<FileApi, 'filesystemType'>;
  readonly #lastingDevices: ReadonlySet<string>;
  readonly #known = new Map<string, Standing>();
  #last = { mountId: 0, devMajor: 0, devMinor: 0, standing: UNTRUSTED };

  /** @param lastingDevices - `major:minor` of those that stay mounted while we run (`lease-devices.ts`) */
  constructor(files: Pick<FileApi, 'filesystemType'>, lastingDevices: readonly string[]) {
    this.#files = files;
    this.#lastingDevices = new Set(lastingDevices);
  }

  /** @param fd - a file that is there; borrowed */
  standingOf(place: Place, fd: number): Standing {
    const { mountId, devMajor, devMinor } = place;
    const last = this.#last;
    if (mountId === 0) return this.#ask(place, fd) ?? UNTRUSTED;
    if (last.mountId === mountId && last.devMajor === devMajor && last.devMinor === devMinor) {
      return last.standing;
    }
    const name = `${mountId}:${devMajor}:${devMinor}`;
    const standing = this.#known.get(name) ?? this.#ask(place, fd);
    if (standing === undefined) return UNTRUSTED;
    if (this.#known.size >= MOUNTS_MAX) this.#known.clear();
    this.#known.set(name, standing);
    this.#last = { mountId, devMajor, devMinor, standing };
    return standing;
  }

  /** @returns undefined where it cannot be told now */
  #ask({ devMajor, devMinor }: Place, fd: number): Standing | undefined {
    let type: number;
    try {
      type = this.#files.filesystemType(fd);
    } catch {
      return undefined; // A server that is away.
    }
    if (!TRUSTED.has(type)) return UNTRUSTED;
    const isRemovable = type !== TMPFS && !this.#lastingDevices.has(`${devMajor}:${devMinor}`);
    return { isTrusted: true, isRemovable };
  }
}
