import type { Logger } from '@portcullis/shared';
import type { NativeApi } from '@portcullis/shared/native';
import type { FileAction } from '../actions/judged-file.js';
import type { DaemonTracker } from '../control/daemon-tracker.js';
import type { Configuration } from '../read-configuration.js';
import type { EventReporter } from '../report-events.js';

/** What every protection of one process is made with. */
export interface ProtectionDeps {
  readonly configuration: Configuration;
  /** --move, --copy, --remove. */
  readonly action: FileAction;
  readonly native: NativeApi;
  readonly openFilesMax: number;
  readonly logger: Logger;
  readonly reporter: EventReporter;
  readonly daemon: DaemonTracker;
  /** The program cannot go on protecting. */
  readonly onFatal: (reason: unknown) => void;
}
