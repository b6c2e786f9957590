import { BackgroundScanner } from '../scan/background-scanner.js';
import type { DaemonWord } from '../scan/background-scanner.js';
import { compileExcludedPaths } from '../watch/excluded-paths.js';
import { monotonicMs } from '../gate/clock.js';
import type { ProtectionDeps } from './protection-deps.js';

/**
 * Scans that nobody waits for: with OnAccessExtraScanning, and wherever nobody can be made to wait.
 *
 * @param onDaemon - where there are no gates to hear it from
 */
export function createBackgroundScanner(
  deps: Pick<ProtectionDeps, 'configuration' | 'native' | 'reporter' | 'detections'>,
  mode: 'prevention' | 'notify-only',
  onDaemon?: (word: DaemonWord) => void,
): BackgroundScanner | undefined {
  const { detections } = deps;
  const { config, route, plan } = deps.configuration;
  if (mode === 'prevention' && !config.onAccess.extraScanning) return undefined;
  return new BackgroundScanner({
    native: deps.native,
    link: {
      endpoint: route.endpoint,
      transfer: route.transfer,
      connectMaxMs: config.onAccess.curlTimeoutMs,
      streamMaxBytes: config.streams.streamMaxBytes,
      nowMs: monotonicMs,
      commandReadTimeoutMs: config.clocks.commandReadTimeoutMs,
    },
    fileMaxBytes: config.onAccess.maxFileSizeBytes,
    isExcluded: compileExcludedPaths(plan.exclusions.patterns, deps.native.patterns, {
      exactPaths: plan.exclusions.directories,
      includePaths: plan.paths,
    }),
    handsOver: detections.wantsDescriptors,
    onDetection: (detection) => {
      detections.onScanned(detection);
    },
    onIssue: (path, issue) => {
      deps.reporter.reportUnscanned(path, issue);
    },
    ...(onDaemon === undefined ? {} : { onDaemon }),
  });
}
