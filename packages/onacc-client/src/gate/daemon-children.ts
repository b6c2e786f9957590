import { LIBCLAMAV_HOST_SCRIPT } from '@portcullis/shared';
import type { OpenerFacts } from './opener-facts.js';

/** So long a process that is none of the daemon's is taken for none, without another look: its number could be another's by then. */
const STRANGER_FOR_MS = 1_000;
const STRANGERS_MAX = 1_024;

export interface DaemonChildrenDeps {
  readonly facts: Pick<OpenerFacts, 'parentPid' | 'commandLine'>;
  readonly duty: { isDaemon(pid: number): boolean };
  /** Monotonic, milliseconds. */
  readonly nowMs: () => number;
}

/**
 * Whether a process is the one that holds libclamav for the daemon, and its child: it opens the database, what it unpacks and
 * the paths it is to scan. Had these opens to wait for a scan, the scan would wait for them. Whatever else the daemon starts
 * is asked about as anybody is.
 *
 * That a process is none is remembered for a moment, by the number that most openers keep over many opens; that it is
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
    const parent = facts.parentPid(pid);
    if (duty.isDaemon(parent) && this.#isHost(pid, parent)) return true;
    if (this.#strangers.size >= STRANGERS_MAX) this.#strangers.clear();
    this.#strangers.set(pid, now + STRANGER_FOR_MS);
    return false;
  }

  /** Until its exec(2) is done, which opens the program too, it has the daemon's own command line. */
  #isHost(pid: number, daemon: number): boolean {
    const { facts } = this.#deps;
    const commandLine = facts.commandLine(pid);
    if (commandLine === '') return false;
    return commandLine.endsWith(LIBCLAMAV_HOST_SCRIPT) || commandLine === facts.commandLine(daemon);
  }
}
