import { lstatSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createLogger, strerror } from '@portcullis/shared';
import type { ConfigIssue } from '@portcullis/shared';
import { openNative } from '@portcullis/shared/native';
import { chooseSources } from '../assemble.js';
import { openServingEngine } from '../choose-engine.js';
import { createDaemonLog } from '../daemon-log.js';
import { loadFirstDatabase } from '../database-service.js';
import { BUILTIN_ENGINE } from '../engine/builtin/description.js';
import type { EngineDescription } from '../logging/feature-lines.js';
import { compileExcludePatterns } from '../intake/exclude-path.js';
import { optionsWithoutEffect } from '../logging/options-without-effect.js';
import type { Configuration } from '../read-configuration.js';
import { ListenError } from '../server/listen-error.js';
import { resolveListen } from '../server/tcp-listener.js';
import { actAsAccount, actAsRoot, actingAs, findAccount, findGroupId, type Account } from './account.js';
import { refusalToCreateIn, refusalToWrite, temporaryDirectoryProblem } from './directory-access.js';
import { PID_FILE_MAX_BYTES } from './pid-file.js';
import { needsRoot, whereSocketIsMade } from './privileges.js';
import { runDirectoryProblem } from './run-directory.js';
import { StartError } from './start-error.js';

/** sockaddr_un of unix(7), less the final NUL. */
const SOCKET_PATH_BYTES_MAX = 107;
/** As long as a reload may take. */
const DATABASE_LOAD_MAX_MS = 15 * 60_000;

type ListenSlice = Configuration['config']['listen'];

/**
 * What a start would refuse on this machine, all of it, for `--check-config`: the database is loaded and the names of
 * TCPAddr are looked up. Changes nothing on disk, and what a running daemon holds is no problem. Started by root, it
 * looks with the rights of User where the daemon would.
 */
export async function checkStart(configuration: Configuration): Promise<readonly ConfigIssue[]> {
  const { config, runDirectory } = configuration;
  const { user } = config.process;
  const account = user === undefined || !isRoot() ? undefined : findAccount(user);
  const { engine, problem: databaseProblem } = await checkDatabase(configuration, account);
  const problems = [
    user !== undefined && isRoot() && account === undefined
      ? `Can't get information about user ${user}.`
      : undefined,
    checkLogFile(config.logging.filePath),
    checkPidFile(config.process.pidFilePath),
    withRightsOf(account, () => temporaryDirectoryProblem(config.process.temporaryDirectory)),
    databaseProblem,
    ...(runDirectory === undefined ? checkSocket(config.listen) : [runDirectoryProblem(runDirectory, user)]),
    checkSocketGroup(config.listen, account),
    await checkTcpAddresses(config.listen),
    checkExcludePaths(config.walk.excludePathPatterns),
  ].filter((problem) => problem !== undefined);
  return [...problems.map(error), ...remarks(configuration, engine)];
}

/** What a start would accept, and its operator perhaps not. */
function remarks({ config, changedOptions }: Configuration, engine: EngineDescription): ConfigIssue[] {
  const { listen, logging, process } = config;
  const texts: string[] = [];
  if (listen.localSocketPath === undefined && listen.tcpPort === undefined) {
    texts.push(
      'Neither LocalSocket nor TCPSocket is set: without sockets from systemd a start is refused (Please define server type)',
    );
  }
  if (!process.foreground && logging.filePath === undefined && !logging.syslog) {
    texts.push('Neither LogFile nor LogSyslog is set: in the background the daemon logs nowhere');
  }
  texts.push(...optionsWithoutEffect(changedOptions, engine));
  return texts.map((message) => ({ severity: 'warning', origin: 'portcullis', message }));
}

/** Whatever can be written to will do, /dev/null and a FIFO too; that somebody reads from the FIFO cannot be seen. */
function checkLogFile(path: string | undefined): string | undefined {
  if (path?.startsWith('/') !== true) return undefined; // A relative LogFile was complained about before.
  return about(
    'LogFile',
    path,
    refusalToOpen(path, (status) =>
      status.isFile() || status.isFIFO() || status.isCharacterDevice() || status.isBlockDevice()
        ? refusalToWrite(path)
        : 'it is there and neither a file nor a device',
    ),
  );
}

function checkPidFile(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const refusal = refusalToOpen(resolve(path), (status) => {
    if (!status.isFile()) return 'it is there and not a regular file';
    if (status.size > PID_FILE_MAX_BYTES) return 'it is there, and too large for a pid';
    const isOurs = isRoot() || status.uid === process.geteuid?.();
    return isOurs ? refusalToWrite(path) : 'Operation not permitted'; // chmod(2), of what is not ours.
  });
  return about('PidFile', path, refusal);
}

/** For a file that root, or whoever starts the daemon, opens to write; one that is missing would be made. */
function refusalToOpen(path: string, judge: (status: Stats) => string | undefined): string | undefined {
  try {
    const status = lstatSync(path, { throwIfNoEntry: false });
    return status === undefined ? refusalToCreateIn(dirname(path)) : judge(status);
  } catch (cause) {
    return strerror(cause);
  }
}

/** For a socket file, in a directory that can be looked into. */
function refusalToReplace(path: string): string | undefined {
  const isOther = lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false;
  return isOther ? 'it is there and not a socket' : undefined;
}

/** The answer is all that counts. */
const SILENT = createDaemonLog(
  createLogger({ name: 'scanner-daemon', level: 'silent', stdoutIsTty: false }),
  undefined,
);

/** Loads it, as a start would. @returns which engine would scan, and why none can */
async function checkDatabase(
  configuration: Configuration,
  account: Account | undefined,
): Promise<{ readonly engine: EngineDescription; readonly problem: string | undefined }> {
  const { cvdAgeMaxDays } = configuration.config.database;
  if (account !== undefined) actAsAccount(account);
  const sources = chooseSources(configuration);
  const parts = {
    configuration,
    sources,
    threads: 1,
    native: openNative(),
    log: SILENT,
    onFailure: () => undefined,
  };
  try {
    const { engine } = await openServingEngine(parts, (chosen) =>
      loadFirstDatabase(
        { engine: chosen, sources, cvdAgeMaxDays },
        AbortSignal.timeout(DATABASE_LOAD_MAX_MS),
      ),
    );
    await engine.stop();
    return { engine: engine.description, problem: undefined };
  } catch (cause) {
    if (!(cause instanceof StartError)) throw cause;
    const problem =
      cause.code === 'ENGINE' ? cause.message : about('DatabaseDirectory', sources.directory, cause.message);
    return { engine: BUILTIN_ENGINE, problem };
  } finally {
    if (account !== undefined) actAsRoot();
  }
}

/** With the rights that we have: what User may not bind, root does. */
function checkSocket({ localSocketPath: path }: ListenSlice): (string | undefined)[] {
  if (path === undefined) return [];
  return [
    Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX
      ? about('LocalSocket', path, `longer than ${SOCKET_PATH_BYTES_MAX} bytes`)
      : undefined,
    about('LocalSocket', path, refusalToCreateIn(whereSocketIsMade(path)) ?? refusalToReplace(path)),
  ];
}

function checkSocketGroup(listen: ListenSlice, account: Account | undefined): string | undefined {
  const { localSocketPath, localSocketGroup: group } = listen;
  if (localSocketPath === undefined || group === undefined) return undefined;
  const gid = findGroupId(group);
  if (gid === undefined) return `Unknown group ${group}`;
  if (isRoot() && (account === undefined || needsRoot(listen, account))) return undefined;
  const groups = account === undefined ? process.getgroups?.() : account.groups;
  const isMember = gid === (account?.gid ?? process.getegid?.()) || groups?.includes(gid) === true;
  return isMember ? undefined : `LocalSocketGroup ${group}: the account of the daemon is not in it`;
}

async function checkTcpAddresses(listen: ListenSlice): Promise<string | undefined> {
  try {
    await resolveListen(listen);
    return undefined;
  } catch (cause) {
    if (!(cause instanceof ListenError)) throw cause;
    return cause.message;
  }
}

function checkExcludePaths(patterns: readonly string[]): string | undefined {
  const compiled = compileExcludePatterns(patterns, openNative().patterns);
  return compiled.kind === 'refused' ? `ExcludePath ${compiled.pattern}: ${compiled.reason}` : undefined;
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

function withRightsOf<Result>(account: Account | undefined, act: () => Result): Result {
  return account === undefined ? act() : actingAs(account, act);
}

function about(option: string, path: string, reason: string | undefined): string | undefined {
  return reason === undefined ? undefined : `${option} ${path}: ${reason}`;
}

function error(message: string): ConfigIssue {
  return { severity: 'error', origin: 'portcullis', message };
}
