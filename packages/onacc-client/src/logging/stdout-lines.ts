import { writeSync } from 'node:fs';
import { isErrno } from '@portcullis/shared/native';

/** A reader that is slow is waited for so long at most: main threads have other things to do. */
const SLOW_READER_MAX_MS = 50;
const PAUSE_MS = 1;

/**
 * Log lines for a descriptor that may fail at any time: a terminal that was closed, a pipe that nobody reads. Lines that
 * it does not take are dropped and counted; an error there is no reason to end protection.
 */
export class StdoutLines {
  readonly #fd: number;
  readonly #onRecovered: (linesLost: number) => void;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  /** Of the last line, of which only a part was taken. */
  #rest: Buffer | undefined;
  #linesLost = 0;
  #linesDropped = 0;

  /**
   * @param fd - borrowed.
   * @param onRecovered - told of the lines lost, once a line is taken again.
   */
  constructor(fd: number, onRecovered: (linesLost: number) => void) {
    this.#fd = fd;
    this.#onRecovered = onRecovered;
  }

  /** Since the start. */
  get linesDropped(): number {
    return this.#linesDropped;
  }

  /** @param line - with its line end. */
  write(line: string): void {
    // Whatever comes next has to come behind the whole of the line before.
    if (this.#rest !== undefined) this.#rest = this.#take(this.#rest);
    const bytes = Buffer.from(line);
    const rest = this.#rest === undefined ? this.#take(bytes) : bytes;
    if (rest === bytes) {
      this.#linesLost += 1;
      this.#linesDropped += 1;
      return;
    }
    this.#rest = rest;
    const lost = this.#linesLost;
    this.#linesLost = 0;
    if (lost > 0) this.#onRecovered(lost);
  }

  /** @returns what of it was not taken; undefined when nothing is left, the very same bytes when nothing was taken. */
  #take(bytes: Buffer): Buffer | undefined {
    let written = 0;
    const giveUpAtMs = performance.now() + SLOW_READER_MAX_MS;
    while (written < bytes.length) {
      try {
        written += writeSync(this.#fd, bytes, written);
      } catch (error) {
        if (!isErrno(error, 'EAGAIN') || performance.now() >= giveUpAtMs) {
          return written === 0 ? bytes : bytes.subarray(written);
        }
        Atomics.wait(this.#sleeper, 0, 0, PAUSE_MS);
      }
    }
    return undefined;
  }
}
