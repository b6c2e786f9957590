import type { Logger } from '@portcullis/shared';
import { openNative } from '@portcullis/shared/native';
import type { FileAction } from './actions/judged-file.js';
import { ControlServer } from './control/control-server.js';
import { countOpenFds } from './control/count-open-fds.js';
import { DaemonTracker } from './control/daemon-tracker.js';
import { makeSnapshot } from './control/make-snapshot.js';
import type { SnapshotInputs } from './control/make-snapshot.js';
import type { StatusSnapshot } from './control/status-snapshot.js';
import { chooseInterface } from './kernel/choose-interface.js';
import type { TextLog } from './logging/text-log.js';
import { Detections } from './protection/detections.js';
import { protectByFanotify } from './protection/fanotify-protection.js';
import type { ProtectionDeps } from './protection/protection-deps.js';
import { protectByInotify } from './protection/inotify-protection.js';
import type { InterfaceState, Protection } from './protection/protection.js';
import type { Configuration } from './read-configuration.js';
import { EventReporter } from './report-events.js';
import { describeEndpoint } from './scan/endpoint.js';
import type { WatchCoverage } from './watch/watch-coverage.js';

export interface ClientOptions {
  readonly configuration: Configuration;
  /** --move, --copy, --remove. */
  readonly action: FileAction;
  readonly logger: Logger;
  /** The file of --log, if there is one. */
  readonly textLog: TextLog | undefined;
  /** Standard error of ONACC_ON_DETECTION's commands; `ignore` in the background. */
  readonly hookStderr: 'inherit' | 'ignore';
  /** Lines that the log has lost so far. */
  readonly linesDropped: () => number;
  /** The program cannot go on protecting. */
  readonly onFatal: (reason: unknown) => void;
}

export interface RunningClient {
  readonly kernel: InterfaceState;
  coverage(): WatchCoverage;
  /** Everything the gates have counted since the start, over reloads. */
  totals(): Readonly<Record<string, number>>;
  /**
   * Goes over to another configuration: its protection is set up beside the present one, which then is drained and stopped. There is
   * no moment without. @throws whatever keeps the new one from protecting; the present one stays then
   */
  reload(configuration: Configuration): Promise<void>;
  /** Takes the marks away, answers everybody who waits, closes everything. @throws Error when a thread is stuck in the kernel */
  stop(): Promise<void>;
}

/** Above the limit that most systems set: events, leases and descriptors on their way to the daemon share it. */
const OPEN_FILES_WANTED = 262_144;

/** What lasts as long as the process. */
type ClientParts = Pick<ProtectionDeps, 'native' | 'openFilesMax' | 'reporter' | 'detections'>;

/** What holds at the moment. */
interface Current {
  readonly configuration: Configuration;
  readonly daemon: DaemonTracker;
  readonly protection: Protection | undefined;
}

/** Composition root: what lasts as long as the process is made here, what a configuration asks for in `protection/`. */
export async function startClient(options: ClientOptions): Promise<RunningClient> {
  const native = openNative();
  const openFilesMax = native.limits.raiseOpenFiles(OPEN_FILES_WANTED);
  native.limits.ignoreLeaseSignal();
  const reporter = new EventReporter(options.logger, () => performance.now(), options.textLog);
  const { action, logger, hookStderr: stderr } = options;
  const detections = new Detections({ action, stderr, files: native.files, logger, reporter });
  const client = new Client(options, { native, openFilesMax, reporter, detections });
  await client.start();
  return client;
}

/** The protection in force, and those that come and go beside it. */
class Client implements RunningClient {
  readonly #options: ClientOptions;
  readonly #parts: ClientParts;
  readonly #startedAtMs = Date.now();
  readonly #control: ControlServer;
  /** All that have not been stopped: two during a reload. */
  readonly #protections = new Set<Protection>();
  /** What protections that are gone have counted. */
  #carried: Readonly<Record<string, number>> = {};
  /** The next one, while a reload makes it. */
  #comingUp: Promise<Protection> | undefined;
  #phase: SnapshotInputs['phase'] = 'starting';
  #current: Current;

  constructor(options: ClientOptions, parts: ClientParts) {
    this.#options = options;
    this.#parts = parts;
    this.#current = beginWith(options.configuration);
    this.#control = new ControlServer({
      socketPath: options.configuration.settings.controlSocket,
      snapshot: () => this.#snapshot(),
      onTrouble: (message) => {
        parts.reporter.report({ kind: 'trouble', message });
      },
    });
  }

  /** @throws whatever keeps it from protecting; nothing is left of it then */
  async start(): Promise<void> {
    const { reporter, detections } = this.#parts;
    const started = await this.#control.start();
    // Without it the client protects all the same, and `status` has nobody to ask.
    if (started.kind === 'refused') reporter.reportRemark(`WARNING: no control socket: ${started.reason}`);
    try {
      detections.setCommand(this.#current.configuration.settings.onDetection);
      const protection = await this.#protect(this.#current);
      this.#current = { ...this.#current, protection };
    } catch (error) {
      await Promise.all([this.#control.stop(), detections.stop()]);
      throw error;
    }
    this.#phase = 'running';
  }

  get kernel(): InterfaceState {
    return this.#current.protection?.kernel ?? NOT_YET;
  }

  coverage(): WatchCoverage {
    return this.#current.protection?.coverage() ?? NOTHING;
  }

  totals(): Readonly<Record<string, number>> {
    return addCounts(this.#carried, this.#current.protection?.totals() ?? {});
  }

  async reload(configuration: Configuration): Promise<void> {
    const old = this.#current;
    const next = beginWith(configuration);
    // First of all, since it may be refused.
    this.#parts.detections.setCommand(configuration.settings.onDetection);
    await old.protection?.yieldDescriptors();
    // What would come up now nobody would end.
    if (this.#isStopping()) return;
    let protection: Protection;
    try {
      this.#comingUp = this.#protect(next);
      protection = await this.#comingUp;
    } finally {
      this.#comingUp = undefined;
    }
    if (this.#isStopping()) return;
    this.#current = { ...next, protection };
    if (old.protection === undefined) return;
    this.#carried = addCounts(this.#carried, old.protection.totals());
    try {
      await old.protection.drain();
    } finally {
      await this.#end(old.protection);
    }
  }

  async stop(): Promise<void> {
    this.#phase = 'stopping';
    // A thread that the exit of the process finds while it loads its native calls makes koffi abort.
    const comingUp = this.#comingUp?.then(
      (protection) => this.#end(protection),
      () => undefined,
    );
    await Promise.all([comingUp, ...[...this.#protections].map((protection) => this.#end(protection))]);
    await Promise.all([this.#control.stop(), this.#parts.detections.stop()]);
  }

  /** Read afresh: it may have been told to while somebody else was waited for. */
  #isStopping(): boolean {
    return this.#phase === 'stopping';
  }

  /** The best interface that may be had and is asked for. */
  async #protect({ configuration, daemon }: Current): Promise<Protection> {
    const { config, settings } = configuration;
    const { logger, onFatal } = this.#options;
    const deps: ProtectionDeps = { ...this.#parts, configuration, daemon, logger, onFatal };
    const { fanotify, files } = deps.native;
    const choice = { wanted: settings.interface, prevention: config.onAccess.prevention };
    const chosen = chooseInterface(fanotify, files, choice);
    const protection =
      chosen.kind === 'fanotify'
        ? await protectByFanotify(deps, chosen)
        : await protectByInotify(deps, chosen.reason);
    this.#protections.add(protection);
    return protection;
  }

  async #end(protection: Protection): Promise<void> {
    if (this.#protections.delete(protection)) await protection.stop();
  }

  #snapshot(): StatusSnapshot {
    const { configuration, daemon, protection } = this.#current;
    const { detections, openFilesMax } = this.#parts;
    const facts = protection?.facts();
    const open = countOpenFds();
    return makeSnapshot({
      ...{ nowMs: Date.now(), startedAtMs: this.#startedAtMs, pid: process.pid, phase: this.#phase },
      configPath: configuration.configPath,
      kernel: this.kernel,
      preventionWanted: configuration.config.onAccess.prevention,
      strategy: configuration.plan.strategy,
      coverage: this.coverage(),
      daemon: daemon.status(),
      policy: configuration.failurePolicy,
      counters: this.totals(),
      cacheEntriesMax: configuration.settings.cacheEntries,
      queue: facts?.queue ?? { heldMax: 0 },
      fds: { limit: openFilesMax, ...(open === undefined ? {} : { open }) },
      gates: facts?.gates ?? { threads: 0 },
      actions: detections.counts,
      ...(facts?.leases === undefined ? {} : { leases: facts.leases }),
      logLinesDropped: this.#options.linesDropped(),
    });
  }
}

function addCounts(
  some: Readonly<Record<string, number>>,
  others: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const sum: Record<string, number> = { ...some };
  for (const [name, count] of Object.entries(others)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

function beginWith(configuration: Configuration): Current {
  const daemon = new DaemonTracker(describeEndpoint(configuration.route.endpoint), Date.now);
  return { configuration, daemon, protection: undefined };
}

const NOT_YET: InterfaceState = { mode: 'notify-only', description: 'none yet' };
const NOTHING: WatchCoverage = {
  ...{ strategy: 'directory', directories: 0, roots: [] },
  ...{ unlistedIssues: 0, overflows: 0, resyncs: 0, strayed: 0 },
};
