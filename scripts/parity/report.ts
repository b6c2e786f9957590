import { sanitize } from '@portcullis/shared';
import type { Comparison } from './verdicts.js';

/** Which daemon a time belongs to. */
export type Side = 'clamd' | 'ours';

const textMaxCharacters = 8192;

/** Counts, and prints each difference as it is found, up to a bound. */
export class Report {
  readonly #shownMax: number;
  readonly #print: (line: string) => void;
  readonly #waitedMs = { clamd: 0, ours: 0 };
  #alike = 0;
  #errorsAlike = 0;
  #different = 0;
  #leftOut = 0;
  #shown = 0;

  /** @param shownMax - differences that are printed, 0 or more */
  constructor(shownMax: number, print: (line: string) => void) {
    this.#shownMax = shownMax;
    this.#print = print;
  }

  /** What was compared so far. */
  get files(): number {
    return this.#alike + this.#errorsAlike + this.#different;
  }

  get different(): number {
    return this.#different;
  }

  /** Adds to the time that one side was waited for. */
  addWait(side: Side, ms: number): void {
    this.#waitedMs[side] += ms;
  }

  addComparison(path: string, comparison: Comparison): void {
    if (comparison.kind === 'alike') this.#alike += 1;
    else if (comparison.kind === 'errorsAlike') this.#errorsAlike += 1;
    else {
      this.#different += 1;
      this.#show(`${path}: clamd: ${comparison.clamd} / ours: ${comparison.ours}`);
    }
  }

  /** A whole tree counts as one file, however many of its lines differ. */
  addTree(tree: string, differences: readonly string[]): void {
    if (differences.length === 0) this.#alike += 1;
    else this.#different += 1;
    for (const difference of differences) this.#show(`${tree} (whole): ${difference}`);
  }

  /** Something that could not be asked about: gone, unreadable for us, a path too long for a command. */
  addLeftOut(path: string, why: string): void {
    this.#leftOut += 1;
    this.#show(`${path}: left out: ${why}`);
  }

  /** One line. The seconds are those that each side was waited for, summed over all connections. */
  summary(): string {
    const { clamd, ours } = this.#waitedMs;
    const counts = [
      `${this.files} files`,
      `${this.#alike} alike`,
      `${this.#different} different`,
      `${this.#errorsAlike} errors alike`,
      ...(this.#leftOut > 0 ? [`${this.#leftOut} left out`] : []),
      `${(clamd / 1000).toFixed(1)} seconds clamd`,
      `${(ours / 1000).toFixed(1)} seconds ours`,
    ];
    return `parity: ${counts.join(', ')}`;
  }

  #show(line: string): void {
    this.#shown += 1;
    if (this.#shown <= this.#shownMax) this.#print(sanitize(line, textMaxCharacters));
    else if (this.#shown === this.#shownMax + 1)
      this.#print(`(more than ${this.#shownMax}: the others are only counted)`);
  }
}
