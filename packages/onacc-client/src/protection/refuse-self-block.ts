import { statSync } from 'node:fs';
import { AppError } from '@portcullis/shared';
import { checkSelfBlock } from '../mounts/self-block-check.js';
import { createPathScope } from '../policy/path-scope.js';
import { compileExcludedPaths } from '../watch/excluded-paths.js';
import type { ProtectionDeps } from './protection-deps.js';

const AWAY = 'it is away';
/** By what is known of the daemon. */
const REASONS = {
  unknown: AWAY,
  down: AWAY,
  up: 'its socket was made by systemd and does not tell its process',
} as const;

/** With these marks and this policy the daemon could never start again: code `SELF_BLOCK`, one line a problem. */
export class SelfBlockError extends AppError<'SELF_BLOCK'> {}

/**
 * Before whole mounts or filesystems are marked: could the client, the daemon or whoever wants to stop them be shut out?
 * Warnings are told, and so is what was looked at.
 *
 * @throws SelfBlockError
 */
export async function refuseSelfBlock(
  { configuration, native, daemon, reporter }: ProtectionDeps,
  mode: 'prevention' | 'notify-only',
): Promise<void> {
  const { plan, config, configPath, failurePolicy, excludedUids, route } = configuration;
  if (plan.strategy === 'directory') return;
  const { state, pid } = daemon.status();
  const owner = ownerOf(pid);
  const { errors, warnings, lines } = await checkSelfBlock({
    strategy: plan.strategy,
    paths: plan.paths,
    isInScope: createPathScope({
      include: plan.scope,
      isExcluded: compileExcludedPaths(plan.exclusions.patterns, native.patterns, {
        exactPaths: plan.exclusions.directories,
        includePaths: plan.scope,
      }),
    }),
    prevention: mode === 'prevention',
    failurePolicy,
    excludedUids,
    daemon: owner,
    daemonUnknown: owner === undefined && route.endpoint.kind === 'unix' ? REASONS[state] : undefined,
    databaseDirectory: config.database.directory,
    daemonFiles: [configPath],
  });
  if (errors.length > 0) {
    throw new SelfBlockError('SELF_BLOCK', errors.map((line) => line.replace(/^ERROR: /, '')).join('\n'));
  }
  for (const line of [...warnings, ...lines]) reporter.reportRemark(line);
}

/** @returns undefined where there is no such process, or it is not known */
function ownerOf(pid: number | undefined): { pid: number; uid: number } | undefined {
  if (pid === undefined || pid <= 0) return undefined;
  try {
    return { pid, uid: statSync(`/proc/${pid}`).uid };
  } catch {
    return undefined;
  }
}
