import { opendir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { kernelCacheable } from '../policy/kernel-cacheable.js';
import { assessSelfBlock } from '../policy/self-block.js';
import type { SelfBlockFacts, SelfBlockReport, VitalFile, VitalRole } from '../policy/self-block.js';
import { expectErrno } from '../watch/probe-directory.js';
import { readMountInfo } from './mount-changes.js';
import type { MountStrategy } from './mount-marks.js';
import { mountOf, readMountTable } from './mount-table.js';
import type { Mount } from './mount-table.js';

/** Files looked at for one process or directory, at most. */
const FILES_MAX = 512;
/** What it takes to log in, become root and stop a process; those that are there count. */
const RESCUE_PROGRAMS = [
  ...['/bin/sh', '/bin/bash', '/bin/kill', '/usr/bin/kill', '/usr/bin/sudo', '/bin/su', '/bin/login'],
  ...['/sbin/agetty', '/usr/sbin/sshd', '/bin/systemctl'],
];

export interface SelfBlockCheckOptions extends Omit<SelfBlockFacts, 'files' | 'daemon'> {
  readonly strategy: MountStrategy;
  /** What the marks will be set for. */
  readonly paths: readonly string[];
  /** Whether the gate will judge an open of this path: in an include path, not excluded, not temporary. */
  readonly isInScope: (path: string) => boolean;
  /** From SO_PEERCRED; undefined: reached over TCP, or away. `name`: of its account. */
  readonly daemon: { readonly pid: number; readonly uid: number; readonly name?: string } | undefined;
  readonly databaseDirectory: string | undefined;
  /** clamd.conf and the like: what a starting daemon reads besides. */
  readonly daemonFiles: readonly string[];
  readonly readMounts?: () => Promise<string>;
}

/**
 * Gathers what lies under the marks that are about to be set and judges it (`policy/self-block.ts`). Run it before arming:
 * it opens files.
 */
export async function checkSelfBlock(options: SelfBlockCheckOptions): Promise<SelfBlockReport> {
  const { daemon } = options;
  const isCovered = await coverageOf(options);
  const files = new Map<string, VitalFile>();
  const add = async (role: VitalRole, paths: readonly string[]): Promise<void> => {
    for (const path of paths) {
      const file = await vitalFile(role, path);
      if (file === undefined || !isCovered(file.path)) continue;
      files.set(`${role} ${file.path}`, file);
    }
  };
  if (daemon !== undefined) {
    await add('daemon', [...(await programFiles(String(daemon.pid))), ...options.daemonFiles]);
    await add('database', await filesIn(options.databaseDirectory));
  }
  await add('client', await programFiles('self'));
  await add('rescue', RESCUE_PROGRAMS);
  return assessSelfBlock({ ...options, files: [...files.values()] });
}

/** Whether an open of a path will raise an event that the gate judges. */
async function coverageOf(options: SelfBlockCheckOptions): Promise<(path: string) => boolean> {
  const mounts = readMountTable(await (options.readMounts ?? readMountInfo)());
  const keyOf = ({ id, device }: Mount): string => (options.strategy === 'mount' ? String(id) : device);
  const marked = new Set<string>();
  for (const path of options.paths) {
    const mount = mountOf(await realPathOf(path), mounts);
    if (mount !== undefined) marked.add(keyOf(mount));
  }
  return (path) => {
    const mount = mountOf(path, mounts);
    return mount !== undefined && marked.has(keyOf(mount)) && options.isInScope(path);
  };
}

/** What a process runs from: its executable, the libraries it has mapped, and the files that its command line names. */
async function programFiles(process: string): Promise<string[]> {
  const files = new Set<string>();
  try {
    files.add(await readlink(`/proc/${process}/exe`));
    for (const word of (await readFile(`/proc/${process}/cmdline`, 'utf8')).split('\0')) {
      if (word.startsWith('/')) files.add(word);
    }
    for (const line of (await readFile(`/proc/${process}/maps`, 'utf8')).split('\n')) {
      // address perms offset dev inode path (proc_pid_maps(5))
      const path = /^(?:\S+ +){5}(\/.*)$/.exec(line)?.[1];
      if (path !== undefined && files.size < FILES_MAX) files.add(path);
    }
  } catch (error) {
    expectErrno(error); // gone meanwhile
  }
  return [...files];
}

async function filesIn(directory: string | undefined): Promise<string[]> {
  if (directory === undefined) return [];
  const files: string[] = [];
  try {
    for await (const entry of await opendir(directory)) {
      if (entry.isFile()) files.push(`${directory}/${entry.name}`);
      if (files.length === FILES_MAX) break;
    }
  } catch (error) {
    expectErrno(error); // none there yet
  }
  return files;
}

/** @returns undefined for what is no regular file */
async function vitalFile(role: VitalRole, path: string): Promise<VitalFile | undefined> {
  try {
    const real = await realpath(path);
    const status = await stat(real);
    if (!status.isFile()) return undefined;
    return { role, path: real, isRootOnly: kernelCacheable({ uid: status.uid, mode: status.mode }) };
  } catch (error) {
    expectErrno(error);
    return undefined;
  }
}

async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    expectErrno(error);
    return path;
  }
}
