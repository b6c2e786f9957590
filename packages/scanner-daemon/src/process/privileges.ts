import { lchownSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setSocketAccess } from '../server/socket-access.js';
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
  /** What root made for the daemon so far, log file and run directory: it goes over to the account. */
  readonly ownPaths: readonly string[];
}

/** Below it a port takes root, on a kernel that does not say. */
const UNPRIVILEGED_PORT_MIN = 1024;

/**
 * Becomes User when we are root (behaviour 2.2, step 9): for good at once, unless a socket needs root to be bound.
 *
 * @throws StartError ACCOUNT
 */
export function dropPrivileges({ user, listen, ownPaths }: PrivilegeOptions): Privileges {
  if (user === undefined || process.geteuid?.() !== 0) return withoutRoot(undefined);
  const account = findAccount(user);
  if (account === undefined) throw new StartError('ACCOUNT', `Can't get information about user ${user}.`);
  for (const path of ownPaths) lchownSync(path, account.uid, account.gid);
  if (listen?.localSocketPath !== undefined) prepareSocketDirectory(listen.localSocketPath, account);
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
  const directory = dirname(path);
  const where = isThere(directory) ? directory : dirname(directory);
  return actingAs(account, () => refusalToCreateIn(where)) !== undefined;
}

/**
 * A missing directory is made here where the account could not make it, and is the account's then, so that it can
 * remove the socket at the end. One level, as clamd does.
 */
function prepareSocketDirectory(path: string, account: Account): void {
  const directory = dirname(path);
  if (isThere(directory)) return;
  if (actingAs(account, () => refusalToCreateIn(dirname(directory))) === undefined) return;
  try {
    mkdirSync(directory, { mode: 0o755 });
    lchownSync(directory, account.uid, account.gid);
  } catch {
    // Binding will fail there, and say what is wrong.
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function unprivilegedPortMin(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  } catch {
    return UNPRIVILEGED_PORT_MIN;
  }
}
