import { directoriesOf, type LoadDatabaseOptions } from '../database/load-database.js';
import { BUILTIN_ENGINE } from '../engine/builtin/description.js';
import { loadInThread } from './database-reloader.js';
import type { ScanEngine } from './scan-engine.js';
import { hasDatabaseChanged } from './self-check.js';
import { startScanSide, type BuiltinScanSideOptions, type ScanSideOptions } from './start-scan-side.js';

const LOAD_THREAD = new URL('../worker/load-thread.js', import.meta.url);

/** Our own engine, on threads of this process. */
export function createBuiltinScanEngine(
  sources: LoadDatabaseOptions,
  options: Omit<BuiltinScanSideOptions, keyof ScanSideOptions>,
): ScanEngine {
  return {
    description: BUILTIN_ENGINE,
    load: (signal) => loadInThread(LOAD_THREAD, sources, signal),
    onLoadedAgain: () => undefined,
    hasChanged: ({ files }) => hasDatabaseChanged(directoriesOf(sources), files, sources.detectPua ?? false),
    startScanSide: (loaded, shared) => startScanSide(loaded, { ...shared, ...options }),
    stop: () => Promise.resolve(),
  };
}
