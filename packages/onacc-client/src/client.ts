import type { Logger } from '@portcullis/shared';
import { openNative } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import type { FileAction } from './actions/judged-file.js';
import { ControlServer } from './control/control-server.js';
import { countOpenFds } from './control/count-open-fds.js';
import { DaemonTracker } from './control/daemon-tracker.js';
import { makeSnapshot } from './control/make-snapshot.js';
import type { SnapshotInputs } from './control/make-snapshot.js';
import type { StatusSnapshot } from './control/status-snapshot.js';
import type { Counter } from './gate/counters.js';
import { chooseInterface } from './kernel/choose-interface.js';
import type { TextLog } from './logging/text-log.js';
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
  /** Lines that the log has lost so far. */
  readonly linesDropped: () => number;
  /** The program cannot go on protecting. */
  readonly onFatal: (reason: unknown) => void;
}

export interface RunningClient {
  readonly kernel: InterfaceState;
  coverage(): WatchCoverage;
  totals(): Readonly<Record<Counter, number>>;
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

/** What holds at the moment. */
interface Current {
  readonly configuration: Configuration;
  readonly daemon: DaemonTracker;
  readonly protection: Protection | undefined;
}

/** Composition root: what lasts as long as the process is made here, what a configuration asks for in `protection/`. */
export async function startClient(options: ClientOptions): Promise<RunningClient> {
  const { logger, textLog } = options;
  const native = openNative();
  const openFilesMax = native.limits.raiseOpenFiles(OPEN_FILES_WANTED);
  native.limits.ignoreLeaseSignal();
  const reporter = new EventReporter(logger, () => performance.now(), textLog);
  const startedAtMs = Date.now();
  let phase: SnapshotInputs['phase'] = 'starting';
  let current: Current = beginWith(options.configuration);
  const control = await startControl(options, reporter, () =>
    snapshotOf({ ...current, phase, startedAtMs, openFilesMax, options }),
  );
  const protect = async (configuration: Configuration, daemon: DaemonTracker): Promise<Protection> =>
    await protectBy(native, {
      ...{ configuration, native, openFilesMax, logger, reporter, daemon },
      action: options.action,
      onFatal: options.onFatal,
    });
  let protection: Protection;
  try {
    protection = await protect(current.configuration, current.daemon);
  } catch (error) {
    await control.stop();
    throw error;
  }
  current = { ...current, protection };
  phase = 'running';
  return {
    get kernel() {
      return protection.kernel;
    },
    coverage: () => protection.coverage(),
    totals: () => protection.totals(),
    async reload(configuration) {
      const next = beginWith(configuration);
      const successor = await protect(configuration, next.daemon);
      const old = protection;
      protection = successor;
      current = { ...next, protection };
      await old.drain();
      await old.stop();
    },
    async stop() {
      phase = 'stopping';
      await protection.stop();
      await control.stop();
    },
  };
}

function beginWith(configuration: Configuration): Current {
  const daemon = new DaemonTracker(describeEndpoint(configuration.route.endpoint), Date.now);
  return { configuration, daemon, protection: undefined };
}

/** The best interface that may be had and is asked for. */
async function protectBy(native: NativeApi, deps: ProtectionDeps): Promise<Protection> {
  const { config, settings } = deps.configuration;
  const chosen = chooseInterface(native.fanotify, native.files, {
    wanted: settings.interface,
    prevention: config.onAccess.prevention,
  });
  return chosen.kind === 'fanotify'
    ? await protectByFanotify(deps, chosen)
    : await protectByInotify(deps, chosen.reason);
}

/** Without a control socket the client protects all the same: it is told, and `status` has nobody to ask. */
async function startControl(
  { configuration }: ClientOptions,
  reporter: EventReporter,
  snapshot: () => StatusSnapshot,
): Promise<ControlServer> {
  const control = new ControlServer({
    socketPath: configuration.settings.controlSocket,
    snapshot,
    onTrouble: (message) => {
      reporter.report({ kind: 'trouble', message });
    },
  });
  const started = await control.start();
  if (started.kind === 'refused') reporter.reportRemark(`WARNING: no control socket: ${started.reason}`);
  return control;
}

function snapshotOf(
  state: Current & {
    readonly phase: SnapshotInputs['phase'];
    readonly startedAtMs: number;
    readonly openFilesMax: number;
    readonly options: ClientOptions;
  },
): StatusSnapshot {
  const { configuration, daemon, protection, phase, startedAtMs, openFilesMax, options } = state;
  const facts = protection?.facts();
  const open = countOpenFds();
  return makeSnapshot({
    ...{ nowMs: Date.now(), startedAtMs, pid: process.pid, phase },
    configPath: configuration.configPath,
    kernel: protection?.kernel ?? NOT_YET,
    preventionWanted: configuration.config.onAccess.prevention,
    strategy: configuration.plan.strategy,
    coverage: protection?.coverage() ?? NOTHING,
    daemon: daemon.status(),
    policy: configuration.failurePolicy,
    counters: protection?.totals() ?? {},
    cacheEntriesMax: configuration.settings.cacheEntries,
    queue: facts?.queue ?? { heldMax: 0 },
    fds: { limit: openFilesMax, ...(open === undefined ? {} : { open }) },
    gates: facts?.gates ?? { threads: 0 },
    actions: facts?.actions ?? { kind: options.action.kind, counts: {} },
    ...(facts?.leases === undefined ? {} : { leases: facts.leases }),
    logLinesDropped: options.linesDropped(),
  });
}

const NOT_YET: InterfaceState = { mode: 'notify-only', description: 'none yet' };
const NOTHING: WatchCoverage = {
  ...{ strategy: 'directory', directories: 0, roots: [] },
  ...{ unlistedIssues: 0, overflows: 0, resyncs: 0, strayed: 0 },
};
