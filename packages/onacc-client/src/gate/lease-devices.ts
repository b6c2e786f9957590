import { readFile } from 'node:fs/promises';
import { emptyFileStatus } from '@portcullis/shared/native';
import type { FileApi } from '@portcullis/shared/native';
import { mountOf, readMountTable } from '../mounts/mount-table.js';
import type { Mount } from '../mounts/mount-table.js';

/** File systems with leases whose files nobody changes behind the kernel's back. */
const LEASE_TYPES: ReadonlySet<string> = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs']);
/** Options of fstab(5) that say that it is not always mounted, or that anybody may unmount it. */
const TRANSIENT_OPTIONS: ReadonlySet<string> = new Set([
  'noauto',
  'user',
  'users',
  'owner',
  'group',
  'x-systemd.automount',
  'x-systemd.idle-timeout',
]);
/** An fstab is written by hand. */
const FSTAB_LINES_MAX = 10_000;

/**
 * The mounts whose files may be held open for a while: the root, and what fstab(5) mounts at the start and leaves mounted.
 * A held file keeps its file system busy (umount(8)), so anything else is left alone.
 *
 * @param mountinfo - text of /proc/self/mountinfo, as latin1
 * @param fstab - text of /etc/fstab, as latin1, empty where there is none
 */
export function lastingMounts(mountinfo: string, fstab: string): Mount[] {
  const mounts = readMountTable(mountinfo);
  const found = new Map<string, Mount>();
  for (const mountPoint of ['/', ...lastingMountPoints(fstab)]) {
    const mount = mountOf(mountPoint, mounts);
    if (mount?.mountPoint === mountPoint && LEASE_TYPES.has(mount.type)) found.set(mountPoint, mount);
  }
  return [...found.values()];
}

/**
 * The devices of {@link lastingMounts} as `major:minor`, the way statx(2) tells them of the files there: a btrfs subvolume
 * has a number of its own. Opens /proc/self/mountinfo and /etc/fstab, so it belongs before the first mark.
 */
export async function readLeaseDevices(files: Pick<FileApi, 'statusOfPath'>): Promise<string[]> {
  const [mountinfo, fstab] = await Promise.all([readText('/proc/self/mountinfo'), readText('/etc/fstab')]);
  const status = emptyFileStatus();
  const devices = new Set<string>();
  for (const { mountPoint, type, device } of lastingMounts(mountinfo, fstab)) {
    try {
      files.statusOfPath(mountPoint, status);
    } catch {
      continue; // It has gone meanwhile.
    }
    const told = `${status.devMajor}:${status.devMinor}`;
    if (told === device || type === 'btrfs') devices.add(told);
  }
  return [...devices];
}

function lastingMountPoints(fstab: string): string[] {
  const mountPoints: string[] = [];
  for (const line of fstab.split('\n', FSTAB_LINES_MAX)) {
    const [source = '#', mountPoint = '', , options = ''] = line.trim().split(/[ \t]+/);
    if (source.startsWith('#') || !mountPoint.startsWith('/')) continue;
    if (options.split(',').some((option) => TRANSIENT_OPTIONS.has(optionName(option)))) continue;
    mountPoints.push(withoutTrailingSlash(unescape(mountPoint)));
  }
  return mountPoints;
}

function optionName(option: string): string {
  return option.split('=', 1)[0] ?? '';
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

/** fstab(5): blanks and the like are written in octal. */
function unescape(field: string): string {
  const bytes = field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8) & 0xff),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch {
    return '';
  }
}
