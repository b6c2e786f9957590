import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { sanitize } from '@portcullis/shared';
import { ok, skip, warn } from './check.js';
import type { Check } from './check.js';

/** A process with a fanotify group that can hold opens up. */
export interface PermissionListener {
  readonly pid: number;
  /** Its command line, or what there is of one. */
  readonly command: string;
  readonly groups: number;
}

/** linux/fanotify.h: FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT; only these classes get permission events. */
const PERMISSION_CLASSES = 0x4 | 0x8;
const PROCESSES_MAX = 100_000;
const FDS_MAX = 4_096;
const COMMAND_MAX_CHARACTERS = 120;
/** The longest that is looked for; a host with very many descriptors is looked at in part. */
const SEARCH_MAX_MS = 5_000;

/** Finds the listeners by /proc, which needs root to see those of others. */
export function findPermissionListeners(proc = '/proc'): {
  listeners: PermissionListener[];
  isComplete: boolean;
} {
  const listeners: PermissionListener[] = [];
  const giveUpAtMs = performance.now() + SEARCH_MAX_MS;
  let isComplete = true;
  const pids = listNumbers(proc).slice(0, PROCESSES_MAX);
  for (const pid of pids) {
    if (performance.now() > giveUpAtMs) {
      isComplete = false;
      break;
    }
    const groups = countPermissionGroups(`${proc}/${pid}`);
    if (groups === undefined) isComplete = false;
    else if (groups > 0) listeners.push({ pid, command: commandOf(`${proc}/${pid}`), groups });
  }
  return { listeners, isComplete };
}

/** @param clientPid - our own running client; undefined where none runs. */
export function checkListeners(
  { listeners, isComplete }: ReturnType<typeof findPermissionListeners>,
  clientPid: number | undefined,
): Check[] {
  const topic = 'other listeners';
  const others = listeners.filter(({ pid }) => pid !== clientPid && pid !== process.pid);
  if (others.length > 0) {
    return others.map(({ pid, command }) =>
      warn(
        topic,
        `${command} (pid ${pid}) answers permission events too: every open in common waits for both`,
        `two scanners that look at each other's opens can wait for each other: switch one off, or exclude its user (OnAccessExcludeUname) here and ours there`,
      ),
    );
  }
  const none = 'no other program answers permission events';
  return [isComplete ? ok(topic, none) : skip(topic, `${none}, as far as we may look; root sees all`)];
}

/** @returns undefined where we may not look. */
function countPermissionGroups(directory: string): number | undefined {
  let fds: string[];
  try {
    fds = readdirSync(`${directory}/fd`);
  } catch (error) {
    // A process that has ended meanwhile has no groups.
    return isDenied(error) ? undefined : 0;
  }
  return fds.slice(0, FDS_MAX).filter((fd) => isPermissionGroup(directory, fd)).length;
}

function isPermissionGroup(directory: string, fd: string): boolean {
  try {
    if (readlinkSync(`${directory}/fd/${fd}`) !== 'anon_inode:[fanotify]') return false;
    const flags = /^fanotify flags:([0-9a-f]{1,8})/m.exec(
      readFileSync(`${directory}/fdinfo/${fd}`, 'latin1'),
    )?.[1];
    return flags !== undefined && (Number.parseInt(flags, 16) & PERMISSION_CLASSES) !== 0;
  } catch {
    return false; // Closed meanwhile.
  }
}

/** The command line, since a program that an interpreter runs has the interpreter's name. */
function commandOf(directory: string): string {
  for (const name of ['cmdline', 'comm']) {
    try {
      const text = readFileSync(`${directory}/${name}`, 'utf8').replaceAll('\0', ' ').trim();
      if (text !== '') return sanitize(text, COMMAND_MAX_CHARACTERS);
    } catch {
      // Ended meanwhile.
    }
  }
  return 'a program';
}

function listNumbers(directory: string): number[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^\d{1,10}$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function isDenied(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    (error.code === 'EACCES' || error.code === 'EPERM')
  );
}
