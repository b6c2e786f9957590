import { messageOf } from '@portcullis/shared';
import { MountWatcher } from '../mounts/mount-watcher.js';
import { parseFilesystemTypes } from '../policy/filesystem-policy.js';
import type { BackgroundScanner } from '../scan/background-scanner.js';
import { compileExcludedPaths } from '../watch/excluded-paths.js';
import type { MarkTarget } from '../watch/mark-targets.js';
import type { Watcher } from '../watch/watcher.js';
import { TreeWatcher } from '../watch/watch-tree.js';
import type { ProtectionDeps } from './protection-deps.js';

/** Who keeps the marks in step, by the plan's strategy. */
export function createWatcher(
  deps: Pick<ProtectionDeps, 'configuration' | 'native' | 'reporter'>,
  options: {
    readonly target: MarkTarget;
    readonly background: BackgroundScanner | undefined;
    readonly inotifyOnly?: boolean;
  },
): Watcher {
  const { native, reporter } = deps;
  const { plan, settings } = deps.configuration;
  const { target, background, inotifyOnly = false } = options;
  const onIssue = reporter.reportIssue.bind(reporter);
  const onFailure = (error: unknown): void => {
    reporter.report({ kind: 'trouble', message: `keeping the marks in step: ${messageOf(error)}` });
  };
  if (plan.strategy !== 'directory') {
    return new MountWatcher({
      native,
      strategy: plan.strategy,
      paths: plan.paths,
      scope: plan.scope,
      targets: [target],
      includedFilesystems: parseFilesystemTypes(settings.includeFilesystems),
      ...{ onIssue, onFailure },
    });
  }
  return new TreeWatcher({
    native,
    roots: plan.paths,
    targets: [target],
    depth: plan.depth,
    isExcluded: compileExcludedPaths(plan.exclusions.patterns, native.patterns, {
      exactPaths: plan.exclusions.directories,
      includePaths: plan.paths,
    }),
    ...{ onIssue, onFailure },
    inotifyOnly,
    ...(background === undefined
      ? {}
      : {
          onArrived: (path: string, kind: 'directory' | 'file') => {
            if (kind === 'directory') background.submitTree(path);
            else background.submit(path);
          },
        }),
  });
}
