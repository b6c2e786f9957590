/** How the session before ended: `renewed` by us, while the daemon was there, or against our will. */
export type SessionEnd = 'renewed' | 'broken';

/**
 * Which daemon judged so far. Its verdicts hold on a new session as well, as long as nothing says that somebody else, or the
 * same one with other signatures, answers there: another process, another version (which names the signatures, behaviour 1.5),
 * or calls in vain meanwhile. A process over TCP is not known, and some daemons do not tell their version: there a session that
 * broke is sign enough.
 *
 * The version is the first question on a session. What is judged before it is answered comes from the new daemon, and is
 * forgotten with everything else should the answer be another one.
 */
export class DaemonMemory {
  #pid: number | undefined;
  #version: string | undefined;
  #calledInVain = false;

  /** Nobody answered a call. */
  missed(): void {
    this.#calledInVain = true;
  }

  /**
   * A session has begun.
   *
   * @param pid - 0 where it is not known
   * @returns whether verdicts from before hold no longer
   */
  connected(pid: number, lastEnd: SessionEnd): boolean {
    const isFirst = this.#pid === undefined;
    const [lacksPid, lacksVersion] = [pid === 0, this.#version === undefined];
    const isUnknown = lastEnd === 'broken' ? lacksPid || lacksVersion : lacksPid && lacksVersion;
    const isOther = this.#pid !== pid || this.#calledInVain || isUnknown;
    this.#pid = pid;
    this.#calledInVain = false;
    if (isOther) this.#version = undefined;
    return isOther && !isFirst;
  }

  /** The daemon has told its version. @returns whether verdicts from before hold no longer */
  told(version: string): boolean {
    const isOther = this.#version !== undefined && this.#version !== version;
    this.#version = version;
    return isOther;
  }
}
