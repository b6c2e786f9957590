import { Worker } from 'node:worker_threads';
import type { LoadedBuiltinDatabase, LoadedDatabase } from '../database/loaded-database.js';
import { isOutOfMemory } from '../out-of-memory.js';
import type { LoadFailure, LoadMessage, LoadOutcome, LoadTask } from '../worker/load-task.js';
import { engineErrorText } from './engine-error-text.js';

/** A load that takes longer is given up. The largest databases take about a minute. */
const LOAD_MAX_MS = 15 * 60_000;
/** How long the end of a load that was given up is waited for. */
const TERMINATE_MAX_MS = 1000;

/** What a load thread tells beside its outcome. */
export interface LoadThreadEvents {
  /** Aborted once clients are served. Until then nothing is written: root may come back to bind a socket. */
  readonly serving: AbortSignal;
  /** What the log should say of the image that it keeps. */
  readonly onRemark: (text: string) => void;
  /** The thread is gone, and what it held is free. */
  readonly onEnded: () => void;
}

/**
 * Loads a database on a thread of its own, so that nobody waits for it. Never rejects. The thread may go on for a
 * while, to keep what it has made for the next start; it holds up no end of the process.
 */
export function loadInThread(
  entry: URL,
  task: LoadTask,
  signal: AbortSignal,
  { serving, onRemark, onEnded }: LoadThreadEvents,
): Promise<LoadOutcome<LoadedBuiltinDatabase>> {
  return new Promise((resolve) => {
    const worker = new Worker(entry, { workerData: task, name: 'load' });
    let outcome: LoadOutcome<LoadedBuiltinDatabase> | undefined;
    let cause: unknown;
    const end = (): void => {
      signal.removeEventListener('abort', stop);
      resolve(outcome ?? { kind: 'failed', failure: describeDeath(cause) });
    };
    const stop = (): void => {
      cause ??= signal.reason;
      void worker.terminate();
      // A thread that hangs in open(2) does not end; it is left behind.
      setTimeout(end, TERMINATE_MAX_MS).unref();
    };
    const save = (): void => {
      worker.postMessage('save');
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    // The only sender is our own load-thread, compiled from the same union.
    worker.on('message', (message: LoadMessage<LoadedBuiltinDatabase>) => {
      if (message.kind === 'remark') {
        onRemark(message.text);
        return;
      }
      outcome = message;
      worker.unref();
      end();
      if (serving.aborted) save();
      else serving.addEventListener('abort', save, { once: true });
    });
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', () => {
      serving.removeEventListener('abort', save);
      end();
      onEnded();
    });
  });
}

/** The thread ended without a word: out of memory, out of time, or a bug. */
function describeDeath(cause: unknown): LoadFailure {
  const reason = cause instanceof Error ? cause.message : 'the load thread ended without an answer';
  const text = isOutOfMemory(cause) ? engineErrorText.outOfMemory : engineErrorText.unspecified;
  return { text, context: { reason }, cause };
}

export interface DatabaseReloaderOptions {
  readonly load: (signal: AbortSignal) => Promise<LoadOutcome>;
  readonly onBegin: () => void;
  readonly onLoaded: (loaded: LoadedDatabase) => void;
  /** The database in use stays in use. */
  readonly onFailed: (failure: LoadFailure) => void;
}

/**
 * One reload at a time. Requests that come while one runs are merged into one more behind it: what was changed after
 * the running one began to read would be missed otherwise (clamd does miss it until the next SelfCheck).
 */
export class DatabaseReloader {
  readonly #options: DatabaseReloaderOptions;
  readonly #stop = new AbortController();
  #state: 'idle' | 'loading' | 'loadingAndWanted' = 'idle';
  #running: Promise<void> = Promise.resolve();

  constructor(options: DatabaseReloaderOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#state !== 'idle';
  }

  request(): void {
    if (this.#stop.signal.aborted) return;
    if (this.#state === 'idle') {
      this.#state = 'loading';
      this.#running = this.#run();
    } else {
      this.#state = 'loadingAndWanted';
    }
  }

  /** Gives up a load under way; nothing is swapped any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (;;) {
      this.#options.onBegin();
      const message = await this.#options.load(
        AbortSignal.any([this.#stop.signal, AbortSignal.timeout(LOAD_MAX_MS)]),
      );
      if (this.#stop.signal.aborted) break;
      if (message.kind === 'loaded') this.#options.onLoaded(message.loaded);
      else this.#options.onFailed(message.failure);
      if (this.#state === 'loading') break;
      this.#state = 'loading';
    }
    this.#state = 'idle';
  }
}
