import { directoriesOf } from '../database/load-database.js';
import { IMAGE_WAIT_MAX_MS } from '../database/image/image-directory.js';
import type { LoadDatabaseOptions } from '../database/loaded-database.js';
import { BUILTIN_ENGINE } from '../engine/builtin/description.js';
import type { LoadTask } from '../worker/load-task.js';
import { loadInThread } from './database-reloader.js';
import { ImageTurns } from './image-turns.js';
import type { ScanEngine } from './scan-engine.js';
import { hasDatabaseChanged } from './self-check.js';
import { startScanSide, type BuiltinScanSideOptions, type ScanSideOptions } from './start-scan-side.js';

const LOAD_THREAD = new URL('../worker/load-thread.js', import.meta.url);

const IMAGES_IN_USE =
  'The directory of database images (SCANNER_DATABASE_IMAGE) has not answered an earlier load yet: the signatures are read from their files';

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
  const turns = new ImageTurns(image.waitMaxMs ?? IMAGE_WAIT_MAX_MS);
  let lastRemark: string | undefined;
  const remark = (text: string): void => {
    if (text !== lastRemark) options.onRemark(text);
    lastRemark = text;
  };
  return {
    description: BUILTIN_ENGINE,
    load: async (signal) => {
      const usesImages = image.setting !== 'no';
      const endTurn = usesImages ? await turns.take(signal) : undefined;
      if (usesImages && endTurn === undefined && !signal.aborted) remark(IMAGES_IN_USE);
      const task = { sources, image: endTurn === undefined ? { ...image, setting: 'no' } : image };
      return loadInThread(LOAD_THREAD, task, signal, {
        onRemark: remark,
        serving: serving.signal,
        onEnded: () => {
          endTurn?.();
          // A load leaves 30 MB and more in the C library's hands (measured).
          options.native.limits.trimHeap();
        },
      });
    },
    onLoadedAgain: () => undefined,
    onServing: () => {
      serving.abort();
    },
    hasChanged: ({ files }) => hasDatabaseChanged(directoriesOf(sources), files, sources.detectPua ?? false),
    startScanSide: (loaded, shared) => startScanSide(loaded, { ...shared, ...options }),
    stop: () => Promise.resolve(),
  };
}
