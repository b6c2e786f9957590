import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/*
 * Who goes first within the daemon (docs/decisions/0010-priorities.md). On Linux a nice value belongs to a thread, and the
 * id 0 means the calling one (setpriority(2), C library/kernel differences); new threads and processes begin with that of
 * the thread that makes them (sched(7)). The process id is the main thread's.
 */

/** Nice levels between one rank and the next: about a tenth of the processor, where two compete for it (sched(7)). */
const RANK_LEVELS = 10;
const NICE_MIN = -20;
const NICE_MAX = 19;

/** The main thread answers PING and hands out work, so it goes before those that work. */
const RANKS_BEHIND_MAIN = { scan: 1, load: 2 } as const;

/**
 * Puts the main thread a rank ahead of what the process was started with, and with it the threads that it waits for: V8's,
 * which collect its garbage, and libuv's. That takes CAP_SYS_NICE or RLIMIT_NICE; without them all stay, and the threads
 * that scan and load go back instead. Called once, on the main thread, before privileges are dropped and before any thread
 * of ours is made.
 *
 * @returns the nice value that the process was started with, for the processes that it starts.
 */
export function raiseMainThread(): number {
  const startedWith = getPriority();
  for (const thread of ownThreads()) niceTo(Math.max(NICE_MIN, startedWith - RANK_LEVELS), thread);
  return startedWith;
}

/** Puts the calling thread behind the main one. Going back needs no privilege. @param mainNice the main thread's nice value, where that is about to change */
export function stepBehindMainThread(
  kind: keyof typeof RANKS_BEHIND_MAIN,
  mainNice = getPriority(process.pid),
): void {
  niceTo(niceBehind(kind, mainNice));
}

/**
 * For a process of the daemon's that loads on its main thread and libuv's, and scans on threads of its own.
 *
 * @returns what puts those that are there now behind. To be called when the scan threads were made: a thread begins with
 * the nice value of the one that makes it.
 */
export function stepBackToLoad(): () => void {
  const threads = ownThreads();
  const niceValue = niceBehind('load', getPriority());
  return () => {
    for (const thread of threads) niceTo(niceValue, thread);
  };
}

function niceBehind(kind: keyof typeof RANKS_BEHIND_MAIN, mainNice: number): number {
  return Math.min(NICE_MAX, mainNice + RANKS_BEHIND_MAIN[kind] * RANK_LEVELS);
}

/**
 * Gives a process that the main thread has just started the nice value the daemon was started with.
 *
 * @param pid undefined when it could not be started.
 */
export function giveBackPriority(pid: number | undefined, startedWith: number): void {
  if (pid !== undefined) niceTo(startedWith, pid);
}

function ownThreads(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [process.pid];
  }
}

function niceTo(niceValue: number, pid = 0): void {
  try {
    setPriority(pid, niceValue);
  } catch {
    // Not allowed, or the process has ended: an order that is not kept costs time, no verdict.
  }
}
