import { COUNTERS } from '../gate/counters.js';
import { monotonicMs } from '../gate/clock.js';
import type { Counter } from '../gate/counters.js';
import { InotifyMonitor } from '../inotify/inotify-monitor.js';
import { createBackgroundScanner } from './background-scans.js';
import { CleanUps } from './clean-ups.js';
import { createWatcher } from './create-watcher.js';
import type { Detections } from './detections.js';
import type { ProtectionDeps } from './protection-deps.js';
import type { InterfaceState, Protection } from './protection.js';
import { keepLookingForMissing } from './retry-missing.js';
import type { BackgroundScanner } from '../scan/background-scanner.js';
import type { Watcher } from '../watch/watcher.js';

/**
 * The last rung: files are told of by inotify(7) and scanned while nobody waits.
 *
 * @param reason - why it is no more than this
 * @throws whatever keeps it from watching; nothing of it is left then
 */
export async function protectByInotify(deps: ProtectionDeps, reason: string): Promise<Protection> {
  const begun = new CleanUps();
  try {
    return await watch(deps, reason, begun);
  } catch (error) {
    await begun.run().catch(() => undefined); // the first failure is the one that counts
    throw error;
  }
}

async function watch(deps: ProtectionDeps, reason: string, begun: CleanUps): Promise<Protection> {
  const { configuration, native, reporter, detections } = deps;
  const { plan, settings, config } = configuration;
  if (plan.strategy !== 'directory') {
    throw new Error(`whole mounts cannot be watched by inotify (${reason}): use OnAccessIncludePath`);
  }
  const kernel: InterfaceState = { mode: 'notify-only', description: 'inotify', degraded: reason };
  const background = createBackgroundScanner(deps, kernel.mode, (word) => {
    reporter.report(word);
    deps.daemon.hear(word);
    if (word.kind === 'databaseChanged') monitor.forgetJudged();
  });
  if (background !== undefined) begun.add(() => background.stop());
  const monitor = new InotifyMonitor({
    native,
    maxFileBytes: config.onAccess.maxFileSizeBytes,
    cacheEntriesMax: settings.cacheEntries,
    nowMs: monotonicMs,
    onFile: (path) => background?.submit(path),
    onOverflow: () => {
      reporter.report({ kind: 'queueOverflow' });
      watcher.resync().catch(deps.onFatal);
      for (const path of plan.paths) background?.submitTree(path);
    },
    onFailure: deps.onFatal,
  });
  background?.observe(monitor);
  begun.add(() => {
    monitor.close();
  });
  const watcher = createWatcher(
    { ...deps, native: { ...native, fanotify: monitor.marks } },
    { target: monitor.target, background, inotifyOnly: true },
  );
  begun.add(() => {
    watcher.stop();
  });
  warnOfExclusions(deps);
  background?.start();
  await watcher.start();
  keepLookingForMissing(watcher, begun, deps.onFatal);
  return asProtection(deps, { kernel, watcher, background, detections, begun });
}

/** inotify does not tell who opens a file. */
function warnOfExclusions({ configuration, reporter }: ProtectionDeps): void {
  if (configuration.excludedUids.length === 0) return;
  reporter.reportRemark(
    'WARNING: with inotify nobody is excluded: OnAccessExcludeUID, OnAccessExcludeUname and OnAccessExcludeRootUID have no effect',
  );
}

function asProtection(
  { openFilesMax }: ProtectionDeps,
  parts: {
    readonly kernel: InterfaceState;
    readonly watcher: Watcher;
    readonly background: BackgroundScanner | undefined;
    readonly detections: Detections;
    readonly begun: CleanUps;
  },
): Protection {
  const { kernel, watcher, background, detections, begun } = parts;
  return {
    kernel,
    coverage: () => watcher.coverage(),
    totals: () => totalsOf(background?.counts()),
    facts: () => ({
      queue: { heldMax: 0 },
      gates: { threads: 0 },
      actions: detections.counts,
      openFilesMax,
    }),
    yieldDescriptors: () => Promise.resolve(),
    drain: () => Promise.resolve(),
    stop: () => begun.run(),
  };
}

/** The counters of the gates, as far as background scans have the like. */
function totalsOf(
  counts:
    | {
        readonly scanned: number;
        readonly infected: number;
        readonly tooLarge: number;
        readonly failed: number;
      }
    | undefined,
): Record<Counter, number> {
  const { scanned = 0, infected = 0, tooLarge = 0, failed = 0 } = counts ?? {};
  const none = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<Counter, number>; // every name is there
  return { ...none, scans: scanned, clean: scanned - infected, infected, tooLarge, scanError: failed };
}
