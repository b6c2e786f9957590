import { directoriesOf } from '../database/load-database.js';
import type { LoadDatabaseOptions } from '../database/loaded-database.js';
import { BUILTIN_ENGINE } from '../engine/builtin/description.js';
import type { LoadTask } from '../worker/load-task.js';
import { loadInThread } from './database-reloader.js';
import type { ScanEngine } from './scan-engine.js';
import { hasDatabaseChanged } from './self-check.js';
import { startScanSide, type BuiltinScanSideOptions, type ScanSideOptions } from './start-scan-side.js';

const LOAD_THREAD = new URL('../worker/load-thread.js', import.meta.url);

/** What the built-in engine needs beside its signatures. */
export interface BuiltinScanEngineOptions extends Omit<BuiltinScanSideOptions, keyof ScanSideOptions> {
  readonly image: LoadTask['image'];
  /** Told why no compiled image is kept; the same reason once. */
  readonly onRemark: (text: string) => void;
}

/** Our own engine, on threads of this process. */
export function createBuiltinScanEngine(
  sources: LoadDatabaseOptions,
  options: BuiltinScanEngineOptions,
): ScanEngine {
  const { image } = options;
  const serving = new AbortController();
  let lastRemark: string | undefined;
  const remark = (text: string): void => {
    if (text !== lastRemark) options.onRemark(text);
    lastRemark = text;
  };
  return {
    description: BUILTIN_ENGINE,
    load: (signal) =>
      loadInThread(LOAD_THREAD, { sources, image }, signal, {
        onRemark: remark,
        serving: serving.signal,
        // A load leaves 30 MB and more in the C library's hands (measured).
        onEnded: () => {
          options.native.limits.trimHeap();
        },
      }),
    onLoadedAgain: () => undefined,
    onServing: () => {
      serving.abort();
    },
    hasChanged: ({ files }) => hasDatabaseChanged(directoriesOf(sources), files, sources.detectPua ?? false),
    startScanSide: (loaded, shared) => startScanSide(loaded, { ...shared, ...options }),
    stop: () => Promise.resolve(),
  };
}
