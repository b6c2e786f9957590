import { lstatSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ConfigIssue } from '@portcullis/shared';
import { compileExcludePatterns } from '../intake/exclude-path.js';
import { strerror } from '../intake/strerror.js';
import type { Configuration } from '../read-configuration.js';
import { actingAs, findAccount, findGroupId, type Account } from './account.js';
import { refusalToCreateIn, temporaryDirectoryProblem } from './directory-access.js';

/** sockaddr_un of unix(7), less the final NUL. */
const SOCKET_PATH_BYTES_MAX = 107;

/**
 * What a start would refuse on this machine, all of it, for `--check-config`. Looks only: changes nothing on disk.
 * Started by root, it looks with the rights of User where the daemon would.
 */
export function checkStart({ config, configFile }: Configuration): readonly ConfigIssue[] {
  const { user } = config.process;
  const isRoot = process.geteuid?.() === 0;
  const account = user === undefined || !isRoot ? undefined : findAccount(user);
  const problems = [
    user !== undefined && isRoot && account === undefined
      ? `Can't get information about user ${user}.`
      : undefined,
    checkNewFile('LogFile', config.logging.filePath),
    checkNewFile('PidFile', config.process.pidFilePath),
    ...withRightsOf(account, () => [
      temporaryDirectoryProblem(config.process.temporaryDirectory),
      configFile === undefined ? undefined : checkDatabase(config.database.directory),
    ]),
    ...checkSocket(config.listen),
    checkExcludePaths(config.walk.excludePathPatterns),
  ].filter((problem) => problem !== undefined);
  return [...problems.map(error), ...remarks(config)];
}

/** What a start would accept, and its operator perhaps not. */
function remarks({ listen, logging, process }: Configuration['config']): ConfigIssue[] {
  const texts: string[] = [];
  if (listen.localSocketPath === undefined && listen.tcpPort === undefined) {
    texts.push('Neither LocalSocket nor TCPSocket is set: only sockets from systemd would be listened on');
  }
  if (!process.foreground && logging.filePath === undefined && !logging.syslog) {
    texts.push('Neither LogFile nor LogSyslog is set: in the background the daemon logs nowhere');
  }
  return texts.map((message) => ({ severity: 'warning', origin: 'portcullis', message }));
}

/** A file that root, or whoever starts the daemon, opens to write. */
function checkNewFile(option: string, path: string | undefined): string | undefined {
  if (path?.startsWith('/') !== true) return undefined; // A relative LogFile was complained about before.
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return about(option, path, refusalToCreateIn(dirname(path)));
  return status.isFile() ? undefined : about(option, path, 'it is there and not a regular file');
}

function checkDatabase(path: string): string | undefined {
  try {
    readdirSync(path);
    return undefined;
  } catch (cause) {
    return about('DatabaseDirectory', path, strerror(cause));
  }
}

function checkSocket({
  localSocketPath: path,
  localSocketGroup: group,
}: Configuration['config']['listen']): (string | undefined)[] {
  return [
    group !== undefined && findGroupId(group) === undefined ? `Unknown group ${group}` : undefined,
    path !== undefined && Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX
      ? about('LocalSocket', path, `longer than ${SOCKET_PATH_BYTES_MAX} bytes`)
      : undefined,
    path !== undefined && lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false
      ? about('LocalSocket', path, 'it is there and not a socket')
      : undefined,
  ];
}

function checkExcludePaths(patterns: readonly string[]): string | undefined {
  const compiled = compileExcludePatterns(patterns);
  return compiled.kind === 'refused' ? `ExcludePath ${compiled.pattern}: ${compiled.reason}` : undefined;
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
