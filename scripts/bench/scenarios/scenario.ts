import type { RunContext, RunningContender } from '../contenders/contender.js';
import type { ContenderName } from '../results.js';

/** One value of one repetition. */
export interface Sample {
  /** A key of `measurements`. */
  readonly key: string;
  readonly value: number;
}

/** A prepared tree and what to do with it once a contender watches it. */
interface PreparedRun {
  /** The directories that get a probe: when all of these are refused, the whole tree is watched. */
  readonly directories: readonly string[];
  readonly measure: (context: RunContext, running: RunningContender) => Promise<readonly Sample[]>;
}

/** A kind of measurement with its own trees. */
export interface Scenario {
  readonly name: string;
  /** How many of the repetitions this contender takes part in (0: never). */
  readonly repetitionsOf: (contender: ContenderName, repetitions: number) => number;
  /** Makes a new tree below the directory, before any contender watches it. */
  readonly prepare: (watchedDirectory: string, repetition: number) => PreparedRun;
}
