import type { OpenerFacts } from './opener-facts.js';

/** So long a process that is no child of the daemon is taken for none, without another look: its number could be another's by then. */
const STRANGER_FOR_MS = 1_000;
const STRANGERS_MAX = 1_024;

export interface DaemonChildrenDeps {
  readonly facts: Pick<OpenerFacts, 'parentPid'>;
  readonly duty: { isDaemon(pid: number): boolean };
  /** Monotonic, milliseconds. */
  readonly nowMs: () => number;
}

/**
 * Whether a process was started by the daemon and is its own: one that holds libclamav opens the database, what it unpacks
 * and the paths it is to scan. Had these opens to wait for a scan, the scan would wait for them.
 *
 * That a process is no child is remembered for a moment, by the number that most openers keep over many opens; that it is
 * one never, since the number of one that is gone may be anybody's.
 */
export class DaemonChildren {
  readonly #deps: DaemonChildrenDeps;
  /** Number → until when. */
  readonly #strangers = new Map<number, number>();

  constructor(deps: DaemonChildrenDeps) {
    this.#deps = deps;
  }

  has(pid: number): boolean {
    const { facts, duty, nowMs } = this.#deps;
    const now = nowMs();
    const until = this.#strangers.get(pid);
    if (until !== undefined && now < until) return false;
    if (duty.isDaemon(facts.parentPid(pid))) return true;
    if (this.#strangers.size >= STRANGERS_MAX) this.#strangers.clear();
    this.#strangers.set(pid, now + STRANGER_FOR_MS);
    return false;
  }
}
