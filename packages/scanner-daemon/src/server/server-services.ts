import type { NativeApi } from '@portcullis/shared/native';
import type { Scanner } from '../scheduler/scan-job.js';
import type { SelfCheckAnswer } from '../scheduler/self-check.js';
import type { DaemonStats } from '../stats/daemon-stats.js';
import type { AlertsConfig } from './alerts.js';
import type { JobGate } from './job-gate.js';
import type { MultiscanGate } from './multiscan-gate.js';
import type { OpenStreamSpool, WalkPaths } from './scan-side.js';
import type { ClocksConfig, CommandsConfig, ServerLimits } from './server-config.js';
import type { ScanOutcome, ServerLog } from './server-log.js';
import type { WalkGate } from './walk-gate.js';

/** What commands ask the daemon to do, after the client was answered. */
export interface ServerActions {
  /** RELOAD. Returns at once; a reload under way swallows it. */
  reload(): void;
  /** SHUTDOWN, QUIT. Returns at once. */
  shutdown(): void;
  /** SELFCHECK; without it the command is not offered. Answers within a bound, and never rejects. */
  readonly selfCheck: () => Promise<SelfCheckAnswer>;
}

/** What every connection of one server shares. */
export interface ServerServices {
  readonly native: Pick<NativeApi, 'files' | 'sockets' | 'poller'>;
  readonly scanner: Scanner;
  readonly walkPaths: WalkPaths;
  readonly openSpool: OpenStreamSpool;
  readonly stats: DaemonStats;
  readonly log: ServerLog;
  readonly gate: JobGate;
  readonly walks: WalkGate;
  readonly multiscans: MultiscanGate;
  readonly alerts: AlertsConfig;
  /** Told of everything that was shown as a detection, after the reply was handed to the transport. */
  readonly onDetection: (outcome: ScanOutcome) => void;
  readonly commands: CommandsConfig;
  readonly clocks: ClocksConfig;
  readonly limits: ServerLimits;
  readonly actions: ServerActions;
  /** What VERSION answers: `ClamAV 1.4.6/27123/Sat Nov 21 20:44:46 2026`. */
  readonly versionText: () => string;
  /** Monotonic, milliseconds. */
  readonly now: () => number;
}
