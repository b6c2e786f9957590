import { decodePath } from '@portcullis/shared/native';

/** One line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
  /** Reused by the kernel after an unmount. */
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the filesystem. Not what stat(2) says of a btrfs subvolume or of some overlays. */
  readonly device: string;
  /** Which directory of the filesystem is mounted; more than `/` for bind mounts and subvolumes. */
  readonly root: string;
  /** Where, as this process sees it. */
  readonly mountPoint: string;
  /** With its subtype: `ext4`, `fuse.sshfs`. */
  readonly type: string;
  /** What is mounted: a device, `server:/export`, or any word. */
  readonly source: string;
  /** Of this mount: `rw,nosuid`. */
  readonly options: string;
}

/** fs.mount-max of proc_sys_fs(5): a namespace holds no more by default. */
const MOUNTS_MAX = 100_000;
const FIXED_FIELDS = 6;

/**
 * Reads mount lines in their order; what is no mount line is left out, and lines past the 100,000th.
 *
 * @param text - the file's bytes as latin1, since a mount point need not be UTF-8: paths are `decodePath`'s
 */
export function readMountTable(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const mount = readMountLine(line);
    if (mount !== undefined) mounts.push(mount);
    if (mounts.length === MOUNTS_MAX) break;
  }
  return mounts;
}

/**
 * The mount that a path ends up on, found by walking the tree of mounts as the kernel does: what lies below a mount
 * that was later covered by another one is listed, but no path leads there.
 *
 * @param path - absolute, normalised, without symbolic links
 */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  const above = mounts.filter(({ mountPoint }) => isAtOrBelow(path, mountPoint));
  const ids = new Set(above.map(({ id }) => id));
  // The root of the tree has its parent outside of what this process sees (chroot, containers), or is its own.
  const tops = above.filter(({ id, parentId }) => parentId === id || !ids.has(parentId));
  let current = shortest(tops);
  // Each step goes down one mount, so there are no more steps than mounts; a table that runs in a circle ends here too.
  for (let step = 0; step < above.length && current !== undefined; step += 1) {
    const here = current;
    const next = shortest(above.filter(({ id, parentId }) => parentId === here.id && id !== here.id));
    if (next === undefined) return here;
    current = next;
  }
  return current;
}

/**
 * The mounts that paths strictly below `directory` lead to, those left out that another one hides. Its cost grows with
 * the number of mounts and the depth of their paths only: hosts of containers have thousands.
 */
export function mountsBelow(directory: string, mounts: readonly Mount[]): Mount[] {
  const byId = new Map(mounts.map((mount) => [mount.id, mount]));
  const childrenOf = new Map<number, Map<string, Mount>>();
  for (const mount of mounts) {
    const { id, parentId, mountPoint } = mount;
    if (id === parentId) continue;
    const children = childrenOf.get(parentId);
    if (children === undefined) childrenOf.set(parentId, new Map([[mountPoint, mount]]));
    else children.set(mountPoint, mount);
  }
  const isReached = (mount: Mount): boolean => {
    let current = mount;
    for (let step = 0; step < mounts.length; step += 1) {
      const parent = byId.get(current.parentId);
      if (parent === undefined || parent === current) return true;
      const siblings = childrenOf.get(parent.id);
      if (siblings?.get(current.mountPoint) !== current) return false;
      if (directoriesAbove(current.mountPoint).some((path) => siblings.has(path))) return false;
      current = parent;
    }
    return false;
  };
  return mounts.filter(
    (mount) =>
      mount.mountPoint !== directory &&
      isAtOrBelow(mount.mountPoint, directory) &&
      childrenOf.get(mount.id)?.has(mount.mountPoint) !== true &&
      isReached(mount),
  );
}

/** `/a/b/c` lies below `/a/b`, `/a` and `/`. */
function directoriesAbove(path: string): string[] {
  const above: string[] = [];
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
    above.push(path.slice(0, end));
  if (path !== '/') above.push('/');
  return above;
}

/** Whether `path` is `directory` or lies below it. Both absolute and normalised. */
export function isAtOrBelow(path: string, directory: string): boolean {
  if (directory === '/' || path === directory) return true;
  return path.startsWith(directory) && path[directory.length] === '/';
}

/** `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue` */
function readMountLine(line: string): Mount | undefined {
  const fields = line.split(' ');
  // Between the sixth field and the dash stand any number of optional ones; a source can be empty, but is there.
  const dash = fields.indexOf('-', FIXED_FIELDS);
  const [id, parentId, device, root, mountPoint, options] = fields;
  const type = fields[dash + 1];
  if (dash < 0 || root === undefined || mountPoint === undefined || options === undefined) return undefined;
  if (type === undefined || device === undefined || !/^\d+:\d+$/.test(device)) return undefined;
  if (!isCount(id) || !isCount(parentId) || !mountPoint.startsWith('/')) return undefined;
  return {
    id: Number(id),
    parentId: Number(parentId),
    device,
    root: unescape(root),
    mountPoint: unescape(mountPoint),
    type: unescape(type),
    source: unescape(fields[dash + 2] ?? ''),
    options,
  };
}

function isCount(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,10}$/.test(text);
}

/** The kernel writes blank, tab, newline, backslash and # as a backslash and three octal digits. */
function unescape(field: string): string {
  const bytes = field.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return decodePath(Buffer.from(bytes, 'latin1'));
}

/** The mount that a walk from above meets first; of several at one place the one listed last. */
function shortest(mounts: readonly Mount[]): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    if (found === undefined || mount.mountPoint.length <= found.mountPoint.length) found = mount;
  }
  return found;
}
