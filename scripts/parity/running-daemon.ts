import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeCommand, messageOf } from '@portcullis/shared';
import type { NativeApi } from '@portcullis/shared/native';
import { tailOf } from '../bench/contenders/log-tail.js';
import type { DaemonContender } from '../bench/daemon/daemon-contender.js';
import type { KeptProcess, ProcessKeeper } from '../bench/process-keeper.js';
import { ask } from './ask.js';
import type { Answer, Question } from './ask.js';
import { renderParityConf } from './parity-conf.js';
import { ParityError } from './parity-error.js';

/** A cold load of all that ClamAV has, twice at once on two cores, takes two minutes. */
const readyMaxMs = 600_000;
const pollMs = 200;
const pingMaxMs = 10_000;
/** Ends a daemon whose comparison was killed. */
const lifetimeSeconds = 24 * 3600;
/** From the end of a connection until it is known that the process behind it ended. */
const endNoticeMs = 3000;

/** What both daemons are started with. */
export interface DaemonSite {
  readonly keeper: ProcessKeeper;
  readonly native: NativeApi;
  /** The daemon's own goes below it. */
  readonly parent: string;
  readonly databaseDirectory: string;
  readonly confLines: readonly string[];
}

/** A daemon that answers. */
export interface RunningDaemon {
  readonly title: string;
  readonly version: string;
  /** The engine that our daemon's log says it serves with; undefined for clamd. */
  readonly engine: string | undefined;
  readonly ask: (question: Question, timeoutMs: number) => Promise<Answer>;
  /** @throws ParityError PARITY_DAEMON_ENDED, with the end of its log, when it is gone or goes within 3 s */
  readonly throwIfEnded: (after: string) => Promise<void>;
}

/**
 * Writes the configuration, starts the daemon and waits until it answers.
 *
 * @throws ParityError PARITY_NOT_READY, with the end of its log; BenchError BENCH_INTERRUPTED
 */
export async function startDaemon(contender: DaemonContender, site: DaemonSite): Promise<RunningDaemon> {
  const { name, title } = contender;
  const reason = contender.unavailable();
  if (reason !== undefined) throw new ParityError('PARITY_NOT_READY', reason);
  const { keeper, native, databaseDirectory, confLines } = site;
  const directory = join(site.parent, name);
  const temporaryDirectory = join(directory, 'tmp');
  for (const path of [directory, temporaryDirectory]) mkdirSync(path, { mode: 0o755 });
  const socketPath = join(directory, 'clamd.sock');
  const confPath = join(directory, 'clamd.conf');
  const isRoot = process.getuid?.() === 0;
  writeFileSync(
    confPath,
    renderParityConf({ socketPath, databaseDirectory, temporaryDirectory, isRoot, confLines }),
  );
  const logPath = join(directory, 'daemon.log');
  const kept = keeper.start({
    command: contender.command(confPath),
    lifetimeSeconds,
    logPath,
    // Not our own directory: a `.env` there would be read.
    cwd: directory,
    ...(contender.env === undefined ? {} : { env: contender.env }),
  });
  const askIt = (question: Question, timeoutMs: number) => ask(question, { native, socketPath, timeoutMs });
  const failWith = (code: 'PARITY_NOT_READY' | 'PARITY_DAEMON_ENDED', why: string) => {
    keeper.throwIfClosed();
    return new ParityError(code, `${title} ${why}; log: ${tailOf(logPath)}`);
  };
  await waitUntilReady(kept, askIt).catch((why: unknown) => {
    throw failWith('PARITY_NOT_READY', messageOf(why));
  });
  return {
    title,
    version: lineOf(await askIt({ parts: () => [encodeCommand('VERSION')] }, pingMaxMs)),
    engine: engineIn(readFileSync(logPath, 'utf8')),
    ask: askIt,
    async throwIfEnded(after) {
      await Promise.race([kept.ended, sleep(endNoticeMs)]);
      if (!kept.isRunning()) throw failWith('PARITY_DAEMON_ENDED', `ended after it was asked about ${after}`);
    },
  };
}

async function waitUntilReady(kept: KeptProcess, askIt: RunningDaemon['ask']): Promise<void> {
  const deadlineAtMs = performance.now() + readyMaxMs;
  while (performance.now() < deadlineAtMs) {
    if (!kept.isRunning()) throw new ParityError('PARITY_NOT_READY', 'did not start');
    if (lineOf(await askIt({ parts: () => [encodeCommand('PING')] }, pingMaxMs)) === 'PONG') return;
    await sleep(pollMs);
  }
  throw new ParityError('PARITY_NOT_READY', `did not answer within ${readyMaxMs / 1000} s`);
}

function lineOf(answer: Answer): string {
  return answer.kind === 'answered' ? answer.lines.join(' ') : `(${answer.why})`;
}

/**
 * The engine of the last line that names one: with `auto`, libclamav may have refused the database.
 *
 * @internal
 */
export function engineIn(log: string): string | undefined {
  return [...log.matchAll(/Engine: ([^"\n]+)/g)].at(-1)?.[1];
}
