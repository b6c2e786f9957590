import { execFileSync } from 'node:child_process';
import { chownSync, lchownSync } from 'node:fs';

/** The account that User names, as far as it concerns us. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one among them. */
  readonly groups: readonly number[];
}

const ID_COMMAND_MAX_MS = 10_000;

/**
 * Looks an account up the way the system does, directory services included: Node has no getpwnam(3), id(1) has.
 *
 * @returns undefined when there is none.
 */
export function findAccount(name: string): Account | undefined {
  const ask = (option: string): number[] =>
    execFileSync('id', [option, '--', name], {
      encoding: 'utf8',
      timeout: ID_COMMAND_MAX_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split(' ')
      .map(Number);
  try {
    const [[uid], [gid], groups] = [ask('-u'), ask('-g'), ask('-G')];
    const isWhole = [uid, gid, ...groups].every((id) => Number.isSafeInteger(id));
    return uid !== undefined && gid !== undefined && isWhole ? { uid, gid, groups } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Becomes that account for good, supplementary groups first (behaviour 2.2, step 9). Root only; before any thread is
 * started or client is served. `ownFiles` were made by root and go over to the account.
 */
export function becomeAccount(account: Account, ownFiles: readonly string[]): void {
  for (const path of ownFiles) lchownSync(path, account.uid, account.gid);
  process.setgroups?.([...account.groups]);
  process.setgid?.(account.gid);
  process.setuid?.(account.uid);
}

/** A run directory that root made for the daemon goes over to its account. */
export function giveDirectory(path: string, account: Account): void {
  chownSync(path, account.uid, account.gid);
}
