import type { GroupMarker } from '../kernel/group-rotation.js';
import type { WatchCoverage } from './watch-coverage.js';

/** What keeps the marks of the permission groups in step with the file system, by whichever mark strategy. */
export interface Watcher extends GroupMarker {
  /** Sets the first marks. Resolves when that is done; what could not be marked is an issue of the coverage. */
  start(): Promise<void>;
  /** Looks again for what was missing. Cheap while it stays away: called every few seconds. */
  retryMissing(): Promise<void>;
  /** Brings everything in step anew, because changes were lost. Resolves when nothing is owed any more. */
  resync(): Promise<void>;
  coverage(): WatchCoverage;
  /** Stops following and closes what it owns. The marks in the groups stay. Idempotent. */
  stop(): void;
}
