import { lstat, readFile, realpath, stat, statfs } from 'node:fs/promises';
import { strerror } from '@portcullis/shared';
import { mountOf, readMountTable } from '../mounts/mount-table.js';
import type { Mount } from '../mounts/mount-table.js';
import { filesystemPolicy } from '../policy/filesystem-policy.js';
import { normalisePath } from '../watch/mark-plan.js';
import { fail, ok, skip, warn } from './check.js';
import type { Check } from './check.js';

const TEMPORARY_FREE_MIN_BYTES = 64 * 1024 ** 2;

/** One protected place that can be tried out. */
export interface UsablePlace {
  readonly path: string;
  readonly filesystem: string;
}

/**
 * Looks at the protected places.
 *
 * @param included - ONACC_INCLUDE_FILESYSTEMS
 */
export async function checkPlaces(
  paths: readonly string[],
  included: ReadonlySet<string>,
): Promise<{ checks: Check[]; usable: UsablePlace[] }> {
  if (paths.length === 0) {
    const advice = 'name directories with OnAccessIncludePath in clamd.conf, one a line';
    return { checks: [fail('protected places', 'none is configured', advice)], usable: [] };
  }
  const mounts = readMountTable(await readFile('/proc/self/mountinfo', 'latin1'));
  const checks: Check[] = [];
  const usable: UsablePlace[] = [];
  for (const path of new Set(paths.map(normalisePath))) {
    const { check, filesystem } = await checkPlace(path, mounts, included);
    checks.push(check);
    if (filesystem !== undefined) usable.push({ path, filesystem });
  }
  return { checks, usable };
}

/** @returns a filesystem where the place can be tried out. */
async function checkPlace(
  path: string,
  mounts: readonly Mount[],
  included: ReadonlySet<string>,
): Promise<{ check: Check; filesystem?: string }> {
  const topic = `place ${path}`;
  // Known by its name, without touching it: to look at a place whose server hangs would hang us too.
  const typeByName = mountOf(path, mounts)?.type ?? 'unknown';
  const left = leftOut(topic, typeByName, included);
  if (left !== undefined) return { check: left };
  try {
    const real = await realpath(path);
    const status = await lstat(real);
    if (!status.isDirectory()) {
      return {
        check: fail(
          topic,
          'is no directory',
          'OnAccessIncludePath takes directories: name the one it lies in',
        ),
      };
    }
    const filesystem = mountOf(real, mounts)?.type ?? typeByName;
    const check = leftOut(topic, filesystem, included);
    return check === undefined ? { check: ok(topic, `is there, on ${filesystem}`), filesystem } : { check };
  } catch (error) {
    const advice =
      'it is protected as soon as it exists; if it is a typing error, correct OnAccessIncludePath';
    return { check: warn(topic, strerror(error), advice) };
  }
}

function leftOut(topic: string, type: string, included: ReadonlySet<string>): Check | undefined {
  switch (filesystemPolicy(type, included)) {
    case 'protect':
      return undefined;
    case 'pseudo':
      return fail(
        topic,
        `${type} holds no stored files and is never protected`,
        'take it out of OnAccessIncludePath',
      );
    case 'network':
      return warn(
        topic,
        `lies on ${type}, whose server can hold up every open: it is not protected by default`,
        `protect it where the files are stored, or set ONACC_INCLUDE_FILESYSTEMS=${type}`,
      );
  }
}

/** The daemon's TemporaryDirectory: there, and with room for what a scan unpacks. */
export async function checkTemporaryDirectory(path: string, isLocal: boolean): Promise<Check> {
  const topic = 'temporary directory';
  if (!isLocal) return skip(topic, 'the daemon is on another machine');
  try {
    if (!(await stat(path)).isDirectory()) {
      return fail(
        topic,
        `${path} is no directory`,
        'set TemporaryDirectory in clamd.conf to one that the daemon may write to',
      );
    }
    const { bavail, bsize } = await statfs(path);
    const freeMiB = Math.floor((bavail * bsize) / 1024 ** 2);
    return bavail * bsize < TEMPORARY_FREE_MIN_BYTES
      ? warn(
          topic,
          `${path} has only ${freeMiB} MiB free`,
          'free space: scans of large files and archives fail without',
        )
      : ok(topic, `${path}, ${freeMiB} MiB free`);
  } catch (error) {
    return fail(
      topic,
      `${path}: ${strerror(error)}`,
      'create it for the account of the daemon, or set TemporaryDirectory',
    );
  }
}
