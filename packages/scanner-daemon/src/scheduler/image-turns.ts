import { within } from '../within.js';

/**
 * Who may use the directory of compiled images: one load at a time, so that a filesystem that hangs keeps one load
 * thread, and not one for each reload.
 */
export class ImageTurns {
  readonly #waitMaxMs: number;
  #lastUse: Promise<'ended'> = Promise.resolve('ended');
  /** The use before was waited for once; nobody waits for it again. */
  #isOverdue = false;

  /** @param waitMaxMs how long the next one waits for the one before to end */
  constructor(waitMaxMs: number) {
    this.#waitMaxMs = waitMaxMs;
  }

  /**
   * Waits for the use before to end. One caller at a time.
   *
   * @param signal the wait is over when it aborts
   * @returns what ends this use; undefined where there can be none, since the one before has not ended.
   */
  async take(signal: AbortSignal): Promise<(() => void) | undefined> {
    const stopped = new Promise<'stopped'>((resolve) => {
      const stop = (): void => {
        resolve('stopped');
      };
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
    const before = Promise.race([this.#lastUse, stopped]);
    const outcome = await within(this.#isOverdue ? 0 : this.#waitMaxMs, before, 'late');
    this.#isOverdue = outcome === 'late';
    if (outcome !== 'ended') return undefined;
    let end: (() => void) | undefined;
    this.#lastUse = new Promise((resolve) => {
      end = (): void => {
        resolve('ended');
      };
    });
    return end;
  }
}
