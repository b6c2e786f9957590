import { closeSync } from 'node:fs';
import { getPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { messageOf } from '@portcullis/shared';
import { openNative, type NativeApi } from '@portcullis/shared/native';
import {
  openLibclamav,
  type BuiltEngine,
  type Libclamav,
  type WatchedDirectory,
} from '../engine/libclamav/binding.js';
import type { FromHost, HostOptions, ToHost } from './control-messages.js';
import type { LaneStartup } from './lane.js';
import { EngineTable, FoundNames } from './shared-words.js';
import { statSync } from 'node:fs';

const LANE_THREAD = new URL('./lane-thread.js', import.meta.url);
/** Between two lines about how far a load has come. */
const PROGRESS_STEP_PERCENT = 10;

/** One database, and what it was loaded from. */
interface Held {
  readonly engine: BuiltEngine;
  readonly watched: readonly WatchedDirectory[];
}

/**
 * The holder of libclamav: builds engines, keeps those that are scanned with, and starts the scan threads. Its own thread
 * never scans: libclamav's callbacks run on it while their scan waits.
 */
export class LibclamavHost {
  readonly #options: HostOptions;
  readonly #library: Libclamav;
  readonly #send: (message: FromHost) => void;
  readonly #engines = new EngineTable();
  readonly #names: readonly FoundNames[];
  readonly #held = new Map<number, Held>();
  readonly #native: NativeApi;
  /** Sockets of scan threads that run. */
  readonly #laneFds = new Set<number>();
  #onLanesEnded: (() => void) | undefined;

  /** @throws LibraryError */
  constructor(options: HostOptions, send: (message: FromHost) => void) {
    this.#options = options;
    this.#send = send;
    // Before the native calls: the stacks of this thread are set with it.
    this.#library = openLibclamav(options.libraryPath);
    this.#native = openNative();
    this.#names = options.laneFds.map(() => new FoundNames());
    this.#library.onMessage((severity, text) => {
      send({ kind: 'message', severity, text });
    });
    if (options.settings.debug) this.#library.debug();
    send({ kind: 'opened', library: this.#library.facts });
  }

  /** Starts the scan threads, each on its socket. @param onEnd one of them has ended; undefined: because its socket has. */
  startLanes(onEnd: (error: Error | undefined) => void): void {
    const mainNice = getPriority(process.pid);
    for (const [lane, socketFd] of this.#options.laneFds.entries()) {
      const names = this.#names[lane];
      if (names === undefined) continue;
      const { settings, followFileSymlinks, sampleDetections } = this.#options;
      const startup: LaneStartup = {
        ...{ settings, followFileSymlinks, sampleDetections, socketFd, mainNice },
        libraryName: this.#library.facts.name,
        engines: this.#engines.memory,
        names: names.memory,
        context: lane + 1,
      };
      const thread = new Worker(LANE_THREAD, {
        workerData: startup,
        name: `scan-${lane}`,
        // What it closes came over its socket; Node would warn of each.
        trackUnmanagedFds: false,
      });
      this.#laneFds.add(socketFd);
      let failure: Error | undefined;
      thread.on('error', (error: Error) => {
        failure = error;
      });
      thread.on('exit', () => {
        this.#laneFds.delete(socketFd);
        closeSync(socketFd);
        onEnd(failure);
        if (this.#laneFds.size === 0) this.#onLanesEnded?.();
      });
    }
  }

  /** Ends the scan threads, those that wait at once and the others when their scan is over, and then lets the databases go. */
  async close(): Promise<void> {
    for (const fd of this.#laneFds) this.#native.sockets.shutdownBoth(fd);
    if (this.#laneFds.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onLanesEnded = resolve;
      });
    }
    for (const generation of [...this.#held.keys()]) await this.#release(generation);
  }

  async handle(message: Exclude<ToHost, { kind: 'open' | 'end' }>): Promise<void> {
    switch (message.kind) {
      case 'load':
        await this.#load(message.generation, message.paths);
        return;
      case 'release':
        await this.#release(message.generation);
        return;
      case 'look':
        this.#look(message.id, message.generation);
    }
  }

  async #load(generation: number, paths: readonly string[]): Promise<void> {
    const { settings, temporaryDirectory } = this.#options;
    let at: string | undefined;
    let engine: BuiltEngine | undefined;
    const watched: WatchedDirectory[] = [];
    try {
      engine = this.#library.newEngine(settings, temporaryDirectory, {
        onLoading: this.#progress('loading'),
        onCompiling: this.#progress('compiling'),
        onVirusFound: (context, name) => {
          this.#names[context - 1]?.add(name);
        },
      });
      let signatureCount = 0;
      for (const path of paths) {
        at = path;
        watched.push(statSync(path).isDirectory() ? this.#library.watchDirectory(path) : watchFile(path));
        signatureCount += await engine.load(path, settings.databaseOptions);
      }
      at = undefined;
      await engine.compile();
      const { version, builtAtSeconds } = engine.databaseVersion();
      if (!this.#engines.add(generation, engine.address)) throw new Error('too many databases are in use');
      this.#held.set(generation, { engine, watched });
      this.#send({
        kind: 'loaded',
        database: {
          ...{ generation, signatureCount, version },
          versionBuiltAtSeconds: builtAtSeconds,
        },
      });
    } catch (error) {
      for (const directory of watched) directory.close();
      await engine?.free();
      this.#send({ kind: 'loadFailed', generation, text: messageOf(error), path: at });
    }
  }

  async #release(generation: number): Promise<void> {
    const held = this.#held.get(generation);
    if (held === undefined) return;
    this.#held.delete(generation);
    this.#engines.remove(generation);
    for (const directory of held.watched) directory.close();
    await held.engine.free();
    // Else the pages of a database that nobody uses stay with the allocator.
    this.#native.limits.trimHeap();
  }

  #look(id: number, generation: number): void {
    try {
      const watched = this.#held.get(generation)?.watched ?? [];
      this.#send({ kind: 'looked', id, hasChanged: watched.some((directory) => directory.hasChanged()) });
    } catch (error) {
      this.#send({ kind: 'looked', id, hasChanged: true, failure: messageOf(error) });
    }
  }

  #progress(stage: 'loading' | 'compiling'): (total: number, done: number) => void {
    let told = 0;
    return (total, done) => {
      const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
      if (percent < told + PROGRESS_STEP_PERCENT) return;
      told = percent;
      this.#send({ kind: 'progress', stage, percent });
    };
  }
}

/** As a watched directory, for a database that is one file. */
function watchFile(path: string): WatchedDirectory {
  const before = statSync(path);
  return {
    hasChanged() {
      const now = statSync(path);
      return now.mtimeMs !== before.mtimeMs || now.size !== before.size;
    },
    close: () => undefined,
  };
}
