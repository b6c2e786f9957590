import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { strerror } from '@portcullis/shared';
import { giveDirectory, makeSocketDirectory, setSocketAccess } from '../server/socket-access.js';
import type { ListenConfig } from '../server/server-config.js';
import { actAsAccount, actAsRoot, actingAs, becomeAccount, findAccount, type Account } from './account.js';
import { refusalToCreateIn } from './directory-access.js';
import { StartError } from './start-error.js';

/** What is left of root between the drop and the moment when the sockets are bound (`docs/decisions/0009`). */
export interface Privileges {
  /** The account of User, if that is who we are now. */
  readonly account: Account | undefined;
  /**
   * Binds the sockets: as root where they need it, and with the account afterwards whatever comes of it. Call it once;
   * a daemon that never does keeps the way back to root.
   */
  bindSockets(bind: () => Promise<void>): Promise<void>;
}

export interface PrivilegeOptions {
  /** User of clamd.conf. */
  readonly user: string | undefined;
  /** Where the daemon will listen; undefined when the sockets are there already. */
  readonly listen: ListenConfig | undefined;
  /** The directory that was made for the daemon; it goes over to the account. */
  readonly runDirectory?: string | undefined;
  /** Gives what root has open, LogFile, to the account. */
  readonly handOver?: ((account: Account) => void) | undefined;
}

/** Below it a port takes root, on a kernel that does not say. */
const UNPRIVILEGED_PORT_MIN = 1024;

/**
 * Becomes User when we are root (behaviour 2.2, step 9): for good at once, unless a socket needs root to be bound.
 *
 * @throws StartError ACCOUNT, LOG_FILE, RUN_DIRECTORY
 */
export function dropPrivileges({ user, listen, runDirectory, handOver }: PrivilegeOptions): Privileges {
  if (user === undefined || process.geteuid?.() !== 0) return withoutRoot(undefined);
  const account = findAccount(user);
  if (account === undefined) throw new StartError('ACCOUNT', `Can't get information about user ${user}.`);
  orRefuse('LOG_FILE', `Can't give the log file to user ${user}`, () => handOver?.(account));
  if (runDirectory !== undefined) {
    orRefuse('RUN_DIRECTORY', `Can't give the run directory ${runDirectory} to user ${user}`, () => {
      giveDirectory(runDirectory, account);
    });
  }
  if (listen !== undefined) prepareSocketDirectory(listen, account);
  if (listen !== undefined && needsRoot(listen, account)) {
    actAsAccount(account);
    return withRootForSockets(account, listen);
  }
  becomeAccount(account);
  return withoutRoot(account);
}

function withoutRoot(account: Account | undefined): Privileges {
  return { account, bindSockets: (bind) => bind() };
}

function withRootForSockets(account: Account, listen: ListenConfig): Privileges {
  return {
    account,
    async bindSockets(bind) {
      actAsRoot();
      try {
        await bind();
        const { localSocketPath: path, localSocketGroup } = listen;
        const gid = localSocketGroup === undefined ? account.gid : undefined;
        if (path !== undefined) setSocketAccess(path, { uid: account.uid, gid });
      } finally {
        becomeAccount(account);
      }
    },
  };
}

/** Whether a port, or the directory of LocalSocket, is closed to the account. As root; changes nothing. */
export function needsRoot({ tcpPort, localSocketPath: path }: ListenConfig, account: Account): boolean {
  if (tcpPort !== undefined && tcpPort < unprivilegedPortMin()) return true;
  if (path === undefined) return false;
  const where = whereSocketIsMade(path);
  return actingAs(account, () => refusalToCreateIn(where)) !== undefined;
}

/** The directory that LocalSocket has to be made in, or where that one is missing, the one that it has to be made in. */
export function whereSocketIsMade(path: string): string {
  const directory = dirname(path);
  return isThere(directory) ? directory : dirname(directory);
}

/**
 * A missing directory is made here where the account could not make it, and is the account's then, so that it can
 * remove the socket at the end. One level, as clamd does.
 */
function prepareSocketDirectory({ localSocketPath: path }: ListenConfig, account: Account): void {
  if (path === undefined) return;
  const directory = dirname(path);
  if (isThere(directory)) return;
  if (actingAs(account, () => refusalToCreateIn(dirname(directory))) === undefined) return;
  try {
    makeSocketDirectory(directory);
    giveDirectory(directory, account);
  } catch {
    // Binding will fail there, and say what is wrong.
  }
}

function orRefuse(code: 'LOG_FILE' | 'RUN_DIRECTORY', what: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    throw new StartError(code, `${what}: ${strerror(cause)}`, { cause });
  }
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // Where it cannot be looked for, it is of no use either.
  }
}

function unprivilegedPortMin(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  } catch {
    return UNPRIVILEGED_PORT_MIN;
  }
}
