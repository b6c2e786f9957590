import { readdirSync, readFileSync } from 'node:fs';

/** What a process tree uses. */
export interface TreeUsage {
  /** User and system time of all its processes so far, milliseconds; /proc counts in steps of 10 ms. */
  readonly cpuMs: number;
  /** Resident now, bytes. */
  readonly residentBytes: number;
  /** The sum of each process's own peak, bytes: exact for a single process. */
  readonly residentPeakBytes: number;
}

/** USER_HZ of every Linux on the architectures we run on (proc_pid_stat(5)). */
const clockTicksPerSecond = 100;

/**
 * Adds up all descendants of `rootPid`, without itself (it is `timeout`).
 *
 * @returns zeros when there are none
 */
export function readTreeUsage(rootPid: number): TreeUsage {
  const stats = readAllStats();
  const pids = descendantsOf(rootPid, stats);
  let cpuMs = 0;
  let residentBytes = 0;
  let residentPeakBytes = 0;
  for (const pid of pids) {
    const stat = stats.get(pid);
    const memory = readMemory(pid);
    cpuMs += ((stat?.cpuTicks ?? 0) * 1000) / clockTicksPerSecond;
    residentBytes += memory.residentBytes;
    residentPeakBytes += memory.residentPeakBytes;
  }
  return { cpuMs, residentBytes, residentPeakBytes };
}

interface ProcessStat {
  readonly parentPid: number;
  readonly cpuTicks: number;
}

/**
 * The parent and the CPU time in a line of /proc/pid/stat; the name in it may hold blanks and brackets.
 *
 * @returns undefined for anything else
 * @internal
 */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .trim()
    .split(' ');
  // Field 3, the state, comes first here; 4 is the parent, 14 and 15 are utime and stime.
  const numbers = [fields[1], fields[11], fields[12]].map((field) => Number(field ?? Number.NaN));
  const [parentPid = Number.NaN, userTicks = Number.NaN, systemTicks = Number.NaN] = numbers;
  const cpuTicks = userTicks + systemTicks;
  return Number.isInteger(parentPid) && Number.isInteger(cpuTicks) ? { parentPid, cpuTicks } : undefined;
}

/**
 * All pids below `rootPid`, at any depth.
 *
 * @internal
 */
export function descendantsOf(
  rootPid: number,
  processes: ReadonlyMap<number, Pick<ProcessStat, 'parentPid'>>,
): readonly number[] {
  const family = new Set([rootPid]);
  // A child may have a lower pid than its parent once pids wrapped around: until nothing more is found.
  for (let before = 0; before !== family.size;) {
    before = family.size;
    for (const [pid, { parentPid }] of processes) if (family.has(parentPid)) family.add(pid);
  }
  family.delete(rootPid);
  return [...family];
}

/** Every process of the machine, by pid. */
export function readAllStats(): ReadonlyMap<number, ProcessStat> {
  const stats = new Map<number, ProcessStat>();
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const stat = parseStat(readOrEmpty(`/proc/${name}/stat`));
    if (stat !== undefined) stats.set(Number(name), stat);
  }
  return stats;
}

/** @returns zeros for a process that is gone */
export function readMemory(pid: number): {
  readonly residentBytes: number;
  readonly residentPeakBytes: number;
} {
  const status = readOrEmpty(`/proc/${pid}/status`);
  const bytesOf = (name: string) =>
    Number(new RegExp(`^${name}:\\s+([0-9]+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { residentBytes: bytesOf('VmRSS'), residentPeakBytes: bytesOf('VmHWM') };
}

/** A file of /proc as text, empty when its process is gone. */
export function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // Gone since the directory was read.
    return '';
  }
}
