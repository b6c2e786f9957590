/** What a filesystem's type means for permission marks. */
export type FilesystemPolicy = 'protect' | 'network' | 'pseudo';

/**
 * Filesystems whose files another machine, or a program in user space, serves or changes. Off by default: making the
 * event's descriptor can wait for a server that is away, or for a FUSE server that itself waits for an open; other
 * clients' changes raise no event, and root squash makes the kernel refuse the opener (field notes 3.5.3 and 3.5.13,
 * fanotify(7) "Limitations and caveats", the Sophos overview in guides/).
 *
 * `fuseblk` (ntfs-3g, exfat-fuse) is a local disk, but served by a program that can hang, so it counts among them. The
 * cluster filesystems (gfs2, ocfs2, lustre, …) are written by other machines without a word to this one.
 */
const NETWORK: ReadonlySet<string> = new Set([
  ...['nfs', 'nfs4', 'cifs', 'smb3', 'smbfs', '9p', 'virtiofs', 'ceph', 'afs', 'auristorfs', 'coda', 'ncpfs'],
  ...['fuse', 'fuseblk', 'lustre', 'gpfs', 'beegfs', 'glusterfs', 'orangefs', 'pvfs2', 'gfs2', 'ocfs2'],
  ...['vboxsf', 'vmhgfs', 'prl_fs', 'acfs', 'davfs', 'davfs2', 'moosefs', 'quobyte', 'wekafs', 'panfs'],
]);
const FUSE_PREFIX = 'fuse.';
const ANY_FUSE = 'fuse.*';

/**
 * Filesystems that hold no files that anybody stored there: never marked. /proc refuses permission marks (EINVAL,
 * measured), and to look into an autofs directory mounts something. From the kernel's Documentation/filesystems and
 * the `nodev` lines of /proc/filesystems. tmpfs and ramfs are not among them: they hold real files.
 */
const PSEUDO: ReadonlySet<string> = new Set([
  ...[
    'proc',
    'sysfs',
    'cgroup',
    'cgroup2',
    'cpuset',
    'devpts',
    'devtmpfs',
    'debugfs',
    'tracefs',
    'securityfs',
  ],
  ...['pstore', 'efivarfs', 'bpf', 'configfs', 'fusectl', 'hugetlbfs', 'mqueue', 'binfmt_misc', 'autofs'],
  ...['rpc_pipefs', 'nfsd', 'selinuxfs', 'smackfs', 'apparmorfs', 'sockfs', 'pipefs', 'anon_inodefs', 'nsfs'],
  ...[
    'resctrl',
    'functionfs',
    'gadgetfs',
    'openpromfs',
    'spufs',
    'xenfs',
    'binder',
    'dlmfs',
    'pidfs',
    'rootfs',
  ],
]);

/**
 * Whether files on a filesystem of this type are protected. A type that nobody has heard of is.
 *
 * @param type - as in mountinfo, with its subtype: `fuse.sshfs`
 * @param included - ONACC_INCLUDE_FILESYSTEMS: network types that are protected all the same; `fuse.*` is every FUSE
 */
export function filesystemPolicy(type: string, included: ReadonlySet<string>): FilesystemPolicy {
  if (PSEUDO.has(type)) return 'pseudo';
  const isFuse = type.startsWith(FUSE_PREFIX);
  if (!isFuse && !NETWORK.has(type)) return 'protect';
  return included.has(type) || (isFuse && included.has(ANY_FUSE)) ? 'protect' : 'network';
}

/** Whether the type needs ONACC_INCLUDE_FILESYSTEMS, included or not: to touch a path there can block. */
export function mayStall(type: string): boolean {
  return filesystemPolicy(type, NOTHING) === 'network';
}

/** ONACC_INCLUDE_FILESYSTEMS as it is written: types with commas, blanks around them allowed. */
export function parseFilesystemTypes(text: string | undefined): ReadonlySet<string> {
  const types = (text ?? '').split(',').map((type) => type.trim());
  return new Set(types.filter((type) => type !== ''));
}

/** Types in ONACC_INCLUDE_FILESYSTEMS that change nothing, as lines for the operator. */
export function uselessInclusions(included: ReadonlySet<string>): string[] {
  const lines: string[] = [];
  for (const type of included) {
    if (type === ANY_FUSE || mayStall(type)) continue;
    const reason = PSEUDO.has(type) ? 'holds no files and is never protected' : 'is protected anyway';
    lines.push(`WARNING: ONACC_INCLUDE_FILESYSTEMS: '${type}' ${reason}: take it out of the list`);
  }
  return lines;
}

const NOTHING: ReadonlySet<string> = new Set();
