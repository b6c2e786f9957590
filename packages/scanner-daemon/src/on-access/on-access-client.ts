import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ConfigIssue } from '@portcullis/shared';
import type { DaemonLog } from '../daemon-log.js';
import { clientOutput } from './client-output.js';
import { LIFELINE_FD, type KeeperRequest } from './keeper-request.js';
import { missingPrivilege } from './missing-privilege.js';
import { readScanOnAccess } from './scan-on-access.js';

const KEEPER = fileURLToPath(new URL('./keeper-process.js', import.meta.url));
/** From dist/src/on-access to the folder beside ours, in the workspace and in node_modules alike. */
const CLIENT = fileURLToPath(new URL('../../../../onacc-client/bin/onacc-client.js', import.meta.url));
/** The keeper gives the client a little more than a second. */
const STOP_MAX_MS = 4_000;

/** The on-access client of a daemon with `ScanOnAccess yes`. */
export interface OnAccessClient {
  /** The daemon serves: now the client may start; where it cannot, the log says why. */
  serve(): void;
  /** Ends the client, before the daemon stops answering. Resolves when it is gone, or after some seconds. */
  stop(): Promise<void>;
}

export interface OnAccessOptions {
  readonly configFile: string | undefined;
  readonly warnings: readonly ConfigIssue[];
  readonly onAccess: { readonly includePaths: readonly string[]; readonly mountPaths: readonly string[] };
  readonly log: Pick<DaemonLog, 'say'>;
  /** Tests take others. */
  readonly programs?: { readonly keeper: string; readonly client: string };
}

/**
 * Starts what keeps the client, while we are still root, if clamd.conf has `ScanOnAccess yes`. Where that comes to
 * nothing, it is no reason not to serve.
 */
export function openOnAccessClient(options: OnAccessOptions): OnAccessClient | undefined {
  const { configFile, log, programs = { keeper: KEEPER, client: CLIENT } } = options;
  const asked = readScanOnAccess(configFile, options.warnings);
  if (asked === 'no' || configFile === undefined) return undefined;
  const file = resolve(configFile);
  const reason = asked === 'unknown' ? CANNOT_BE_READ : reasonNotTo(options, programs.client);
  if (reason !== undefined) {
    const text = `ScanOnAccess: the on-access client is not started: ${reason}. Start it by hand: sudo onacc-client -c ${file}`;
    return {
      serve: () => {
        log.say('error', text);
      },
      stop: () => Promise.resolve(),
    };
  }
  const request: KeeperRequest = { program: programs.client, args: ['-F', '--wait', '-c', file] };
  return startKeeper(programs.keeper, request, log);
}

const CANNOT_BE_READ = 'the configuration cannot be read a second time';

function reasonNotTo({ onAccess }: OnAccessOptions, client: string): string | undefined {
  if (onAccess.includePaths.length + onAccess.mountPaths.length === 0) {
    return 'neither OnAccessIncludePath nor OnAccessMountPath says what to protect';
  }
  if (!existsSync(client)) return `it is not installed at ${client}`;
  return missingPrivilege(process.geteuid?.());
}

function startKeeper(keeper: string, request: KeeperRequest, log: Pick<DaemonLog, 'say'>): OnAccessClient {
  const child = spawn(process.execPath, ['--no-warnings', keeper, JSON.stringify(request)], {
    // A session of its own: what a terminal sends to us, we pass on in order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  // As asked for in stdio; a child that could not be started has the streams all the same.
  const lifeline = child.stdio[LIFELINE_FD] as Writable | null | undefined;
  lifeline?.on('error', () => undefined); // The end of the keeper says more.
  child.stdout?.on('data', clientOutput(log));
  child.stderr?.on('data', clientOutput(log));
  let isStopping = false;
  const gone = whenGone(child, (how) => {
    // Without a keeper nobody ends the client but the pipe between them, and nobody starts it again.
    if (!isStopping)
      log.say(
        'error',
        `ScanOnAccess: the keeper of the on-access client ${how}: restart the daemon to have files protected on access`,
      );
    lifeline?.destroy();
  });
  return {
    serve: () => {
      log.say('info', 'ScanOnAccess: starting the on-access client');
      lifeline?.write('\n');
    },
    stop: async () => {
      isStopping = true;
      lifeline?.destroy();
      await Promise.race([gone, new Promise((settle) => setTimeout(settle, STOP_MAX_MS).unref())]);
    },
  };
}

function whenGone(child: ChildProcess, tell: (how: string) => void): Promise<void> {
  return new Promise((resolveGone) => {
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      tell(`could not be started: ${error.message}`);
      resolveGone();
    });
    child.on('exit', (code, signal) => {
      tell(`ended (${signal ?? `exit code ${code ?? 0}`})`);
      resolveGone();
    });
  });
}
