import type { LoadedDatabase } from '../database/loaded-database.js';
import type { EngineDescription } from '../logging/feature-lines.js';
import type { LoadOutcome } from '../worker/load-task.js';
import type { ScanSide, ScanSideOptions } from './start-scan-side.js';

/** An engine as the daemon sees it: what it is, how it loads signatures, and who scans with them. */
export interface ScanEngine {
  readonly description: EngineDescription;
  /** Builds a database aside, from what lies on the disk now. Never rejects. */
  load(signal: AbortSignal): Promise<LoadOutcome>;
  /** Where databases go that the engine has to load by itself: whoever held the last one has died. */
  onLoadedAgain(adopt: (loaded: LoadedDatabase) => void): void;
  /** SelfCheck: whether what a database was loaded from has changed since. Rejects when it cannot be looked at. */
  hasChanged(loaded: LoadedDatabase): Promise<boolean>;
  /** Starts those who scan. Once. @throws when none of them could start. */
  startScanSide(loaded: LoadedDatabase, options: ScanSideOptions): Promise<ScanSide>;
  /** Clients are served, and root has been given up for good: what had to wait for that may be done. */
  onServing(): void;
  /** After the scan side. */
  stop(): Promise<void>;
}
