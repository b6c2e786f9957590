import { readFileSync } from 'node:fs';
import type { FileDevice } from './scan-job.js';

/** Filesystems whose files are read from memory or a local disk, however they are mounted. */
const LOCAL_TYPES: ReadonlySet<string> = new Set([
  'tmpfs',
  'ramfs',
  'overlay',
  'btrfs',
  'zfs',
  'squashfs',
  'erofs',
]);
/** An unknown device makes us read the mount table again, at most this often. */
const REREAD_AFTER_MS = 1000;
const DEVICES_MAX = 1024;

export interface LocalDevices {
  /** Whether reading a file of this device can wait for nothing but a local disk. */
  isLocal(device: FileDevice): boolean;
}

/**
 * Tells files on local disks from those behind a network or a user-space filesystem, where one read may take for
 * ever. Asks the mount table, never the filesystem itself: that question could hang too.
 *
 * @param readMountTable `/proc/self/mountinfo`, see proc_pid_mountinfo(5).
 */
export function createLocalDevices(
  nowMs: () => number,
  readMountTable: () => string = () => readFileSync('/proc/self/mountinfo', 'latin1'),
): LocalDevices {
  let typeByDevice: ReadonlyMap<string, string> = new Map();
  let readAtMs = Number.NEGATIVE_INFINITY;

  return {
    isLocal({ devMajor, devMinor }) {
      // A block device has a major number; what has none is made up by its filesystem.
      if (devMajor !== 0) return true;
      const device = `${devMajor}:${devMinor}`;
      if (!typeByDevice.has(device) && nowMs() - readAtMs >= REREAD_AFTER_MS) {
        typeByDevice = parseMountTable(readMountTable());
        readAtMs = nowMs();
      }
      return LOCAL_TYPES.has(typeByDevice.get(device) ?? '');
    },
  };
}

/** Field 3 is major:minor; the type is the first field behind the lone hyphen. */
function parseMountTable(text: string): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const line of text.split('\n', DEVICES_MAX)) {
    const [mount, source] = line.split(' - ', 2);
    const device = mount?.split(' ', 3)[2];
    const type = source?.split(' ', 1)[0];
    if (device !== undefined && type !== undefined) types.set(device, type);
  }
  return types;
}
