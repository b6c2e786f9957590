import type { NativeApi } from '@portcullis/shared/native';
import type { CompiledDatabase } from '../database/compiled-database.js';
import type { LoadedDatabase } from '../database/loaded-database.js';
import type { FailureReason } from '../failure-actions.js';
import type { DaemonStats } from '../stats/daemon-stats.js';
import { openEngine, type WorkerEngineOptions } from '../worker/engine-door.js';
import { createSourceScanner } from '../worker/scan-source.js';
import { createCachedFileReader } from './cached-file.js';
import { collectGarbage } from './collect-garbage.js';
import { INLINE_SCAN_MAX_MS, InlineLane } from './inline-lane.js';
import type { Scanner } from './scan-job.js';
import { BATCH_JOBS_MAX } from './messages.js';
import { ThreadWorker } from './pool-worker.js';
import { ScanPool } from './scan-pool.js';

export interface ScanSideOptions {
  readonly threads: number;
  readonly queueLimit: number;
  readonly hangAfterMs: number;
  readonly stats: DaemonStats;
  readonly onFailure: (reason: FailureReason, cause?: unknown) => void;
}

/** What the threads of the built-in engine need beside. */
export interface BuiltinScanSideOptions extends ScanSideOptions {
  readonly native: Pick<NativeApi, 'files' | 'limits'>;
  readonly engineOptions: WorkerEngineOptions;
  /** 0 = no inline lane. */
  readonly inlineMaxBytes: number;
}

/** The inline lane and the worker pool as one. */
export interface ScanSide {
  readonly scanner: Scanner;
  /** Scans that begin after this use the database. */
  useDatabase(loaded: LoadedDatabase): void;
  stop(graceMs: number): Promise<void>;
}

const SCAN_THREAD = new URL('../worker/scan-thread.js', import.meta.url);
/**
 * The main thread collects so long after a swap, once for all that came meanwhile: while it does, some 15 ms, nobody is
 * answered. A row of reloads must not put it off, or the databases of all of them would be there at once.
 */
const COLLECT_AFTER_SWAP_MS = 3000;

/** Starts the scan threads. Resolves when they serve. @throws when none of them could start. */
export async function startScanSide(
  loaded: LoadedDatabase,
  options: BuiltinScanSideOptions,
): Promise<ScanSide> {
  const { native, engineOptions, stats, onFailure } = options;
  const nowMs = (): number => performance.now();
  let database = compiledOf(loaded);
  const pool = new ScanPool({
    startWorker: (events) => new ThreadWorker(SCAN_THREAD, { database, engineOptions }, events),
    batchJobsMax: BATCH_JOBS_MAX,
    threads: options.threads,
    queueLimit: options.queueLimit,
    hangAfterMs: options.hangAfterMs,
    stats,
    onFailure,
  });
  const serving = await pool.start();
  if (serving === 0) throw new Error('no scan thread could start');

  const { limits } = engineOptions;
  const scanSource = createSourceScanner({
    files: native.files,
    // What a container holds may be large, however small it is: the lane opens none.
    limits: {
      ...limits,
      scanTimeMaxMs: Math.min(limits.scanTimeMaxMs, INLINE_SCAN_MAX_MS),
      recursionDepthMax: 1,
    },
    followFileSymlinks: false,
    sampleDetections: engineOptions.sampleDetections ?? false,
    nowMs,
  });
  let collecting: NodeJS.Timeout | undefined;
  let engine = openEngine(database, engineOptions.engine);
  const lane = new InlineLane({
    maxBytes: options.inlineMaxBytes,
    workers: pool,
    scan: (source, allMatch) => scanSource(engine, source, { allMatch }),
    readCached: createCachedFileReader(native.files, options.inlineMaxBytes),
    stats,
    onFailure,
    nowMs,
    nextTurn: setImmediate,
  });

  return {
    scanner: options.inlineMaxBytes > 0 ? lane : pool,
    useDatabase(next) {
      database = compiledOf(next);
      engine = openEngine(database, engineOptions.engine);
      pool.replaceDatabase(database);
      collecting ??= setTimeout(() => {
        collecting = undefined;
        collectGarbage();
      }, COLLECT_AFTER_SWAP_MS);
    },
    stop: (graceMs) => {
      clearTimeout(collecting);
      return pool.stop(graceMs);
    },
  };
}

function compiledOf({ compiled }: LoadedDatabase): CompiledDatabase {
  if ('generation' in compiled) throw new Error('a database of another engine');
  return compiled;
}
