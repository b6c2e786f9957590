import { readdirSync } from 'node:fs';
import { descendantsOf, readAllStats, readMemory, readOrEmpty } from './daemon/process-usage.js';

/** What a client holds, all processes below one pid together. */
export interface GuardUsage {
  readonly residentBytes: number;
  /** Marks of its fanotify groups, of every kind of group (proc_pid_fdinfo(5)). */
  readonly fanotifyMarks: number;
  readonly inotifyWatches: number;
}

/** @param rootPid - its `timeout`, which is not counted */
export function readGuardUsage(rootPid: number): GuardUsage {
  const pids = descendantsOf(rootPid, readAllStats());
  const counts = pids.map(countWatches);
  return {
    residentBytes: pids.reduce((sum, pid) => sum + readMemory(pid).residentBytes, 0),
    fanotifyMarks: counts.reduce((sum, { fanotify }) => sum + fanotify, 0),
    inotifyWatches: counts.reduce((sum, { inotify }) => sum + inotify, 0),
  };
}

/** Marks and watches of one process; zeros when it is gone. */
export function countWatches(pid: number): { readonly fanotify: number; readonly inotify: number } {
  let [fanotify, inotify] = [0, 0];
  for (const fd of listOrEmpty(`/proc/${pid}/fdinfo`)) {
    const text = readOrEmpty(`/proc/${pid}/fdinfo/${fd}`);
    fanotify += text.split('\nfanotify ino:').length - 1 + (text.split('\nfanotify mnt_id:').length - 1);
    inotify += text.split('\ninotify wd:').length - 1;
  }
  return { fanotify, inotify };
}

function listOrEmpty(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
