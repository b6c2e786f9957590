import type { Counter } from '../gate/counters.js';
import type { SnapshotInputs } from '../control/make-snapshot.js';
import type { WatchCoverage } from '../watch/watch-coverage.js';

/** Which of the kernel's interfaces protects, and how well. */
export interface InterfaceState {
  /** `prevention`: opens wait for the answer. `notify-only`: they do not. */
  readonly mode: 'prevention' | 'notify-only';
  /** In words, for instance `fanotify permission events, FD_ERROR`. */
  readonly description: string;
  /** Why it is less than was asked for. */
  readonly degraded?: string;
}

/** What `status` is told of the moment. */
export type LiveFacts = Pick<SnapshotInputs, 'queue' | 'gates' | 'actions' | 'leases'> & {
  readonly openFilesMax: number;
};

/** The marks, threads and connections of one configuration. A reload makes a second one beside it. */
export interface Protection {
  readonly kernel: InterfaceState;
  coverage(): WatchCoverage;
  totals(): Readonly<Record<Counter, number>>;
  facts(): LiveFacts;
  /** Lets go of the descriptors that are only held to save work, since a successor wants some. */
  yieldDescriptors(): Promise<void>;
  /** Takes the marks away and waits, within OnAccessCurlTimeout, until nobody waits for an answer any more. */
  drain(): Promise<void>;
  /** Takes the marks away, answers everybody who waits and closes everything. @throws Error when a thread is stuck in the kernel */
  stop(): Promise<void>;
}
