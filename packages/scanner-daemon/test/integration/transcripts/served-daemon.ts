import { spawn, spawnSync } from 'node:child_process';
import { ask, startDaemon } from '../daemon-process.js';
import type { Site } from '../daemon-process.js';
import { pauseMs } from '../server-harness.js';

/** The release that the golden files were recorded from. */
export const RECORDED_VERSION = 'ClamAV 1.4.6';
const START_MAX_MS = 20_000;

/** A daemon that serves. */
export interface ServedDaemon {
  /** Resolves when it has ended. */
  readonly exitCode: Promise<number | null>;
  stop(): Promise<void>;
}

/** Starts a daemon on the site's clamd.conf and waits until it serves. */
export type ServeSite = (site: Site, ourSettings: Readonly<Record<string, string>>) => Promise<ServedDaemon>;

/** Why Debian's clamd cannot be spoken to here, undefined when it can. */
export function whyNoClamd(): string | undefined {
  const { error, stdout } = spawnSync('clamd', ['--version', '--config-file=/dev/null'], {
    encoding: 'utf8',
  });
  if (error !== undefined) return 'clamd is not installed';
  if (!stdout.startsWith(RECORDED_VERSION)) return `clamd is not ${RECORDED_VERSION}: ${stdout.trim()}`;
  return undefined;
}

/** Debian's clamd. */
export async function serveClamd(site: Site): Promise<ServedDaemon> {
  const child = spawn('clamd', ['--config-file', site.configFile], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const exitCode = new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  const deadlineAtMs = performance.now() + START_MAX_MS;
  while ((await ask(site.socketPath, 'zPING\0').catch(() => '')) !== 'PONG\0') {
    if (child.exitCode !== null || performance.now() > deadlineAtMs) throw new Error(`clamd: ${said}`);
    await pauseMs(50);
  }
  return {
    exitCode,
    async stop() {
      child.kill('SIGTERM');
      await exitCode;
    },
  };
}

/** Ours. */
export async function serveOurs(
  site: Site,
  settings: Readonly<Record<string, string>>,
): Promise<ServedDaemon> {
  const daemon = await startDaemon(site, { ...settings });
  return {
    exitCode: daemon.exited.then(({ code }) => code),
    async stop() {
      await daemon.stop();
    },
  };
}
