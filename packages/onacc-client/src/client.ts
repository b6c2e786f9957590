import { availableParallelism } from 'node:os';
import type { ClamdConfig, Logger } from '@portcullis/shared';
import { openNative } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import { failurePolicy } from './failure-actions.js';
import type { Counter } from './gate/counters.js';
import { Gates } from './gate/gates.js';
import type { GateEvent, GateSettings } from './gate/messages.js';
import { GroupRotation } from './kernel/group-rotation.js';
import { openInterface } from './kernel/permission-group.js';
import type { KernelInterface } from './kernel/permission-group.js';
import { userExclusion } from './policy/screen.js';
import { EventReporter } from './report-events.js';
import { resolveUsers } from './resolve-users.js';
import type { Settings } from './settings.js';
import type { WatchCoverage } from './watch/watch-coverage.js';
import { TreeWatcher } from './watch/watch-tree.js';

export interface ClientOptions {
  readonly config: ClamdConfig;
  readonly settings: Settings;
  /** LocalSocket, there by now: whoever calls has checked. */
  readonly socketPath: string;
  /** From the mark plan. */
  readonly roots: readonly string[];
  readonly excluded: readonly string[];
  readonly logger: Logger;
  /** The program cannot go on protecting. Called at most once. */
  readonly onFatal: (reason: unknown) => void;
}

export interface RunningClient {
  readonly kernel: KernelInterface;
  coverage(): WatchCoverage;
  totals(): Record<Counter, number>;
  /** Takes the marks away, answers everybody who waits, closes everything. */
  stop(): Promise<void>;
}

/** Descriptors for everything that is not an event: node's own, sockets, logs, directory walks. */
const RESERVED_FDS = 512;
/** More events in one gate's hands than that say that something is wrong already. */
const SLOTS_PER_GATE_MAX = 8_192;
const RELEASE_MARGIN_MS = 5_000;
/** How often a protected directory that is not there is looked for again. */
const RETRY_MISSING_MS = 3_000;
/** How long the first word from the daemon is waited for before protection starts without it. */
const FIRST_CONTACT_MS = 2_000;

/** Composition root: everything is opened, loaded and connected here, and only then is the first mark set. */
export async function startClient(options: ClientOptions): Promise<RunningClient> {
  const { config, settings, logger } = options;
  const native = openNative();
  const openFilesMax = native.limits.raiseOpenFiles();
  native.limits.ignoreLeaseSignal();
  const unameUids = await resolveUsers(config.onAccess.excludeUnames);

  const { kernel, group } = openInterface(native.fanotify, config.onAccess.prevention);
  const reporter = new EventReporter(logger, () => performance.now());
  const contact = firstContact();
  const listeners: ((event: GateEvent) => void)[] = [];
  const gates = new Gates({
    gates: settings.gates,
    slotsPerGate: Math.min(SLOTS_PER_GATE_MAX, Math.floor((openFilesMax - RESERVED_FDS) / settings.gates)),
    settings: gateSettings(options, kernel, unameUids),
    onEvent: (event) => {
      reporter.report(event);
      contact.hear(event);
      for (const listen of listeners) listen(event);
    },
    onCrash: options.onFatal,
  });
  gates.addGroup(group);
  const watcher = createWatcher(native, options, { group, mask: kernel.markMask });
  const rotation = new GroupRotation({
    fanotify: native.fanotify,
    files: native.files,
    kernel,
    marker: watcher,
    reader: gates,
    group,
    // No open waits longer, not even one that was taken over from a stuck gate on its last millisecond.
    releaseAfterMs: config.onAccess.curlTimeoutMs * 3 + RELEASE_MARGIN_MS,
    onTrouble: (error) => {
      reporter.report({ kind: 'trouble', message: `renewing the fanotify group: ${String(error)}` });
    },
  });
  listeners.push((event) => {
    if (event.kind === 'groupReleased') rotation.onReleased(event.group);
    else if (event.kind === 'databaseChanged' && settings.kernelCache) void rotation.rotate();
    else if (event.kind === 'queueOverflow') watcher.resync().catch(options.onFatal);
  });

  await gates.ready();
  await contact.made;
  await watcher.start();
  const retry = setInterval(() => {
    watcher.retryMissing().catch(options.onFatal);
  }, RETRY_MISSING_MS);
  return {
    kernel,
    coverage: () => watcher.coverage(),
    totals: () => gates.totals(),
    async stop() {
      clearInterval(retry);
      watcher.stop();
      rotation.disarm();
      await gates.stop();
      rotation.close();
    },
  };
}

function gateSettings(
  options: ClientOptions,
  kernel: KernelInterface,
  unameUids: readonly number[],
): GateSettings {
  const { settings, socketPath } = options;
  const { onAccess } = options.config;
  return {
    ownPid: process.pid,
    prevention: kernel.mode === 'prevention',
    failurePolicy: failurePolicy(onAccess.denyOnError),
    excludedUids: userExclusion({
      excludeUids: onAccess.excludeUids,
      unameUids,
      excludeRoot: onAccess.excludeRootUid,
    }).uids,
    maxFileBytes: onAccess.maxFileSizeBytes,
    deadlineMs: onAccess.curlTimeoutMs,
    cacheEntriesMax: settings.cacheEntries,
    kernelCache: settings.kernelCache && kernel.mode === 'prevention',
    socketPath,
    scansInFlightMax: settings.scansInFlight,
    // With one processor the daemon could not run meanwhile.
    spinMaxMs: availableParallelism() > 1 ? settings.spinMicroseconds / 1_000 : 0,
    stuckAfterMs: settings.stuckAfterMs,
  };
}

function createWatcher(
  native: NativeApi,
  options: ClientOptions,
  target: { group: number; mask: number },
): TreeWatcher {
  const excluded = new Set(options.excluded);
  return new TreeWatcher({
    native,
    roots: options.roots,
    targets: [target],
    isExcluded: (path) => excluded.has(path),
    onIssue: (issue) => {
      options.logger.warn({ event: 'watchIssue', ...issue }, `${issue.what}: ${issue.path} (${issue.code})`);
    },
  });
}

/** Resolves at the first word about the daemon, good or bad, or when none comes in time. */
function firstContact() {
  let hear: (event: GateEvent) => void = () => undefined;
  const made = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, FIRST_CONTACT_MS);
    hear = (event) => {
      if (event.kind !== 'daemonUp' && event.kind !== 'daemonDown') return;
      clearTimeout(timer);
      resolve();
    };
  });
  return { hear, made };
}
