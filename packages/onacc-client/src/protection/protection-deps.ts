import type { Logger } from '@portcullis/shared';
import type { NativeApi } from '@portcullis/shared/native';
import type { DaemonTracker } from '../control/daemon-tracker.js';
import type { Configuration } from '../read-configuration.js';
import type { EventReporter } from '../report-events.js';
import type { Detections } from './detections.js';

/** What every protection of one process is made with. */
export interface ProtectionDeps {
  readonly configuration: Configuration;
  readonly detections: Detections;
  readonly native: NativeApi;
  readonly openFilesMax: number;
  readonly logger: Logger;
  readonly reporter: EventReporter;
  readonly daemon: DaemonTracker;
  /** The program cannot go on protecting. */
  readonly onFatal: (reason: unknown) => void;
}
