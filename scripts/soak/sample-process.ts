import { countWatches } from '../bench/guard-usage.js';
import { readMemory, readOrEmpty } from '../bench/daemon/process-usage.js';
import { readdirSync } from 'node:fs';

/** What a process holds at one moment. */
export interface ProcessSample {
  /** Without those of files that are held by a lease: they come and go with what is read. */
  readonly descriptors: number;
  readonly residentBytes: number;
  /** Marks of its fanotify groups. */
  readonly marks: number;
}

export function sampleProcess(pid: number): ProcessSample {
  return {
    descriptors: countDescriptors(pid),
    residentBytes: readMemory(pid).residentBytes,
    marks: countWatches(pid).fanotify,
  };
}

/** fdinfo shows the leases of a file that is held (proc_pid_fdinfo(5)). */
function countDescriptors(pid: number): number {
  const fds = readdirSync(`/proc/${pid}/fdinfo`);
  return fds.filter((fd) => !readOrEmpty(`/proc/${pid}/fdinfo/${fd}`).includes('LEASE')).length;
}

/**
 * How much the median of the last third of the values is above that of the second third; the first is for warming up.
 * Positive: it grew.
 */
export function growthOf(values: readonly number[]): number {
  const third = Math.floor(values.length / 3);
  if (third === 0) return 0;
  const median = (part: readonly number[]): number =>
    part.toSorted((a, b) => a - b)[Math.floor(part.length / 2)] ?? 0;
  return median(values.slice(-third)) - median(values.slice(third, 2 * third));
}
