import type { NativeApi } from '@portcullis/shared/native';
import type { DaemonLog } from '../daemon-log.js';
import type { LoadedDatabase } from '../database/loaded-database.js';
import type { LibraryFacts } from '../engine/libclamav/binding.js';
import type { FailureReason } from '../failure-actions.js';
import type { HostDatabase } from '../libclamav-host/control-messages.js';
import { ALL_FEATURES, type EngineDescription } from '../logging/feature-lines.js';
import type { ScanEngine } from '../scheduler/scan-engine.js';
import { ScanPool } from '../scheduler/scan-pool.js';
import type { ScanSide, ScanSideOptions } from '../scheduler/start-scan-side.js';
import type { LoadOutcome } from '../worker/load-task.js';
import { BEING_STARTED, HostLife, type HostLifeOptions, type Loaded } from './host-life.js';
import { LaneWorker } from './lane-worker.js';
import { Lanes } from './lanes.js';
import { RestartDelay } from './restart-delay.js';

/** libclamav scans nothing larger (behaviour 3.4, MaxFileSize). */
const FILE_MAX_BYTES = 2_147_483_645;
/** Scans wait so long for a host that is being started again; then they are answered with an error until it is back. */
const ABSENCE_MAX_MS = 10_000;
/** How long the end of a killed host is waited for. */
const STOP_MAX_MS = 1_000;
/** A load that takes longer is given up. */
const LOAD_MAX_MS = 15 * 60_000;

export interface LibclamavEngineOptions {
  readonly host: Omit<HostLifeOptions, 'onGone' | 'onMessage' | 'onOutput'>;
  readonly hostEvents: Pick<HostLifeOptions, 'onMessage' | 'onOutput'>;
  /** DatabaseDirectory and further ones. */
  readonly databasePaths: readonly string[];
  readonly native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>;
  readonly log: DaemonLog;
  readonly onFailure: (reason: FailureReason, cause?: unknown) => void;
}

/** @returns the engine, or why there is no libclamav: a sentence. */
export async function openLibclamavEngine(
  options: LibclamavEngineOptions,
): Promise<ScanEngine | { readonly refused: string }> {
  const engine = new LibclamavEngine(options);
  const opened = await engine.open();
  return opened === undefined ? engine : { refused: opened };
}

/**
 * libclamav in a host (docs/decisions/0013): keeps one running, starts another when it dies, and gives its scan threads to
 * the pool. While there is none, scans wait; the listeners never notice.
 */
class LibclamavEngine implements ScanEngine {
  readonly #options: LibclamavEngineOptions;
  readonly #lanes: Lanes;
  readonly #delay = new RestartDelay(() => performance.now());
  #life: HostLife | undefined;
  #library: LibraryFacts | undefined;
  #lastGeneration = 0;
  /** The databases of this life have higher ones; others went with their host. */
  #lifeGeneration = 0;
  #pool: ScanPool | undefined;
  #isServing = false;
  #absence: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #isStopping = false;
  #onEnded: (() => void) | undefined;
  #onReturned: (loaded: LoadedDatabase) => void = () => undefined;

  constructor(options: LibclamavEngineOptions) {
    this.#options = options;
    this.#lanes = new Lanes({
      giveUp: (why) => {
        if (why !== undefined) options.log.say('warning', `libclamav is given up: ${why}`);
        // A host that cannot be killed may take its time.
        this.#beginAbsence();
        this.#life?.kill();
      },
      onUnused: (generation) => {
        this.#life?.release(generation);
      },
    });
  }

  get description(): EngineDescription {
    const version = this.#library?.version;
    return {
      name: 'libclamav',
      features: ALL_FEATURES,
      fileMaxBytes: FILE_MAX_BYTES,
      ...(version === undefined ? {} : { clamavVersion: version }),
    };
  }

  /** @returns why there is none; undefined when there is one. */
  async open(): Promise<string | undefined> {
    let life: HostLife;
    try {
      life = this.#start();
    } catch (error) {
      return String(error);
    }
    const opened = await life.open();
    if (opened.kind === 'opened') {
      this.#library = opened.library;
      this.#sayLibrary(opened.library, life.pid);
      return undefined;
    }
    await this.stop();
    return opened.reason;
  }

  onServing(): void {
    // Nothing had to wait.
  }

  onLoadedAgain(adopt: (loaded: LoadedDatabase) => void): void {
    this.#onReturned = adopt;
  }

  async load(signal: AbortSignal): Promise<LoadOutcome> {
    const life = this.#life;
    if (life === undefined) return failure({ text: BEING_STARTED });
    const generation = (this.#lastGeneration += 1);
    const loaded = await life.load(generation, this.#options.databasePaths, signal);
    if (loaded.kind === 'loadFailed') return failure(loaded);
    return { kind: 'loaded', loaded: describe(loaded.database) };
  }

  hasChanged({ compiled }: LoadedDatabase): Promise<boolean> {
    if (this.#life === undefined) return Promise.reject(new Error(BEING_STARTED));
    return this.#life.look(generationOf(compiled));
  }

  async startScanSide(loaded: LoadedDatabase, options: ScanSideOptions): Promise<ScanSide> {
    const pool = new ScanPool({
      startWorker: (events) => {
        const worker = new LaneWorker(this.#options.native, {
          ...events,
          onReady: (ready) => {
            this.#endAbsence();
            events.onReady(ready);
          },
        });
        this.#lanes.add(worker);
        return worker;
      },
      // A second one would wait behind the first, for a thread that another lane may have free.
      batchJobsMax: 1,
      ...options,
      // libclamav looks at the clock between two pieces of work, some of which are long, and a file that came up against
      // another limit is scanned twice (libclamav-host/judge.ts). Ending the host would fail the other scans, too.
      hangAfterMs: 2 * options.hangAfterMs,
    });
    this.#pool = pool;
    this.#use(loaded);
    this.#beginAbsence();
    if ((await pool.start()) === 0) throw new Error('no scan thread of libclamav could start');
    this.#isServing = true;
    return {
      scanner: pool,
      useDatabase: (next) => {
        this.#use(next);
      },
      stop: (graceMs) => {
        this.#isStopping = true;
        return pool.stop(graceMs);
      },
    };
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    clearTimeout(this.#absence);
    this.#lanes.close();
    const life = this.#life;
    if (life === undefined) return;
    const ended = new Promise<void>((resolve) => {
      this.#onEnded = resolve;
      setTimeout(resolve, STOP_MAX_MS).unref();
    });
    life.kill();
    await ended;
  }

  #start(): HostLife {
    const { host, hostEvents } = this.#options;
    const life = new HostLife({
      ...host,
      ...hostEvents,
      onGone: (how) => {
        this.#lose(how);
      },
    });
    this.#life = life;
    this.#lifeGeneration = this.#lastGeneration;
    this.#lanes.offer(life.laneFds);
    return life;
  }

  #lose(how: string): void {
    this.#life = undefined;
    this.#lanes.lose(how);
    this.#onEnded?.();
    if (this.#isStopping || this.#library === undefined) return;
    this.#options.onFailure('engineDied', new Error(`the libclamav process ${how}`));
    this.#beginAbsence();
    this.#restart = setTimeout(() => void this.#return(), this.#delay.next());
  }

  /** Another host, with the database that lies on the disk now. One that does not get there is ended, and the next one tried. */
  async #return(): Promise<void> {
    let life: HostLife;
    try {
      life = this.#start();
    } catch (error) {
      this.#lose(`could not be started: ${String(error)}`);
      return;
    }
    const opened = await life.open();
    if (this.#isOver(life)) return;
    if (opened.kind === 'refused') {
      this.#options.log.say('error', `libclamav: ${opened.reason}`);
      life.kill();
      return;
    }
    const message = await this.load(AbortSignal.timeout(LOAD_MAX_MS));
    if (this.#isOver(life)) return;
    if (message.kind === 'failed') {
      this.#options.log.say(
        'error',
        `libclamav: the database could not be loaded again: ${message.failure.text}`,
        {
          ...message.failure.context,
        },
      );
      life.kill();
      return;
    }
    this.#delay.served();
    this.#library = opened.library;
    this.#sayLibrary(opened.library, life.pid);
    // Not by way of those who adopt it alone: while the daemon starts, they do not hand it on yet.
    this.#use(message.loaded);
    this.#onReturned(message.loaded);
  }

  #isOver(life: HostLife): boolean {
    return this.#isStopping || this.#life !== life;
  }

  #use({ compiled }: LoadedDatabase): void {
    const generation = generationOf(compiled);
    // One of a host that has died: the next one brings its own.
    if (this.#life !== undefined && generation > this.#lifeGeneration) this.#lanes.use(generation);
  }

  /** From the loss of a host until a scan thread of the next one serves, not only its database. */
  #beginAbsence(): void {
    if (this.#isStopping) return;
    this.#absence ??= setTimeout(() => {
      this.#options.log.say(
        'error',
        'libclamav is not back yet: scans are answered with an error until it is',
      );
      if (this.#isServing) {
        this.#pool?.suspend();
        return;
      }
      // The daemon waits for it to start, or is about to.
      this.#absence = undefined;
      if (this.#pool === undefined) return;
      this.#lanes.close();
      this.#life?.kill();
    }, ABSENCE_MAX_MS);
  }

  #endAbsence(): void {
    clearTimeout(this.#absence);
    this.#absence = undefined;
    this.#pool?.resume();
  }

  #sayLibrary({ name, version, functionalityLevel }: LibraryFacts, pid: number | undefined): void {
    const where = pid === undefined ? 'in this process' : `in process ${pid}`;
    this.#options.log.say(
      'info',
      `Engine: libclamav ${version}, functionality level ${functionalityLevel} (${name}), ${where}`,
      { engine: 'libclamav', engineVersion: version, functionalityLevel, library: name, enginePid: pid },
    );
  }
}

function describe(database: HostDatabase): LoadedDatabase {
  const { signatureCount, version, versionBuiltAtSeconds } = database;
  return {
    compiled: database,
    ...{ signatureCount, version, versionBuiltAtSeconds },
    unsupported: {},
    files: [],
  };
}

function generationOf(compiled: LoadedDatabase['compiled']): number {
  if ('generation' in compiled) return compiled.generation;
  throw new Error('a database of another engine');
}

function failure({
  text,
  path,
}: Pick<Extract<Loaded, { kind: 'loadFailed' }>, 'text' | 'path'>): LoadOutcome {
  return { kind: 'failed', failure: { text, context: path === undefined ? {} : { path } } };
}
