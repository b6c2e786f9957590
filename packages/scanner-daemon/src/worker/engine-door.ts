import type { CompiledDatabase } from '../database/compiled-database.js';
import { BuiltinEngine } from '../engine/builtin/builtin-engine.js';
import type { BuiltinEngineOptions } from '../engine/builtin/engine-options.js';
import type { Engine } from '../engine/engine.js';
import type { ScanTaskLimits } from './scan-source.js';

/** What crosses to a thread by reference: views over SharedArrayBuffers, which a structured clone does not copy. */
export type SharedDatabase = CompiledDatabase;

/** What a scan thread must know of the configuration. */
export interface WorkerEngineOptions {
  readonly limits: ScanTaskLimits;
  /** Formats and their limits; undefined: the defaults of clamd.conf. */
  readonly engine?: BuiltinEngineOptions;
  /** FollowFileSymlinks. */
  readonly followFileSymlinks: boolean;
  /** ExtendedDetectionInfo: detections carry MD5 and size. */
  readonly sampleDetections?: boolean;
}

/** The engine of this thread, with scratch memory of its own. The one place that chooses an adapter. */
export function openEngine(database: SharedDatabase, options?: BuiltinEngineOptions): Engine {
  return new BuiltinEngine(database, options);
}
