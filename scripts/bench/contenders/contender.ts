import type { OpenerContext } from '../openers/run-openers.js';
import type { ContenderName } from '../results.js';

/** What a contender is given for one run. */
export interface RunContext extends OpenerContext {
  /** The only directory to watch; its tree is complete before the start. */
  readonly watchedDirectory: string;
  /** Where the contender's configuration, socket and logs go. */
  readonly runDirectory: string;
  readonly signatureDirectory: string;
  /** EICAR files, one in every watched directory. */
  readonly probes: readonly string[];
}

/** A contender that is ready: every probe is refused (by the bare one: none). */
export interface RunningContender {
  /** From the start of the client until every probe was refused; 0 for the bare one. */
  readonly readyMs: number;
  /** Of the `timeout` above its client; 0 for the bare one. */
  readonly clientPid: number;
  /** @throws BenchError BENCH_NOT_PROTECTING when it stopped refusing the probes while it was measured */
  readonly verify: () => Promise<void>;
  /** Ends its processes; safe to call once, on every way out. */
  readonly stop: () => Promise<void>;
}

/** One column of the table. */
export interface Contender {
  readonly name: ContenderName;
  /** Why it cannot run on this machine, or undefined when it can. */
  readonly unavailable: () => string | undefined;
  /** @throws BenchError BENCH_NOT_READY or BENCH_CHILD_FAILED; nothing is left running then */
  readonly start: (context: RunContext) => Promise<RunningContender>;
}
