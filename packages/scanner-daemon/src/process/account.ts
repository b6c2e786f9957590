import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The account that User names, as far as it concerns us. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one among them. */
  readonly groups: readonly number[];
}

const DIRECTORY_COMMAND_MAX_MS = 10_000;

/**
 * Looks an account up the way the system does, directory services included: Node has no getpwnam(3), id(1) has.
 *
 * @returns undefined when there is none.
 */
export function findAccount(name: string): Account | undefined {
  const ask = (option: string): number[] | undefined =>
    output('id', [option, '--', name])?.trim().split(' ').map(Number);
  const [[uid], [gid], groups] = [ask('-u') ?? [], ask('-g') ?? [], ask('-G') ?? []];
  const isWhole = [uid, gid, ...groups].every((id) => Number.isSafeInteger(id));
  return uid !== undefined && gid !== undefined && isWhole ? { uid, gid, groups } : undefined;
}

/**
 * The number of a group, by number or by name, in /etc/group or wherever else the system looks (getent(1)).
 *
 * @returns undefined when there is none.
 */
export function findGroupId(group: string): number | undefined {
  if (/^[0-9]{1,10}$/.test(group)) return Number(group);
  if (group.startsWith('-')) return undefined;
  const entries = output('getent', ['group', group]) ?? readFileSync('/etc/group', 'utf8');
  const fields = entries.split('\n').map((line) => line.split(':'));
  const gid = Number(fields.find(([name]) => name === group)?.[2] ?? Number.NaN);
  return Number.isSafeInteger(gid) ? gid : undefined;
}

/** Becomes that account for good, supplementary groups first (behaviour 2.2, step 9). As root only. */
export function becomeAccount(account: Account): void {
  process.setgroups?.([...account.groups]);
  process.setgid?.(account.gid);
  process.setuid?.(account.uid);
}

/** Acts as that account until {@link actAsRoot}: rights and the owner of new files are its own. As root only. */
export function actAsAccount(account: Account): void {
  process.setgroups?.([...account.groups]);
  process.setegid?.(account.gid);
  process.seteuid?.(account.uid);
}

/** Root again, after {@link actAsAccount}; the supplementary groups stay the account's. */
export function actAsRoot(): void {
  process.seteuid?.(0);
  process.setegid?.(0);
}

/** Does something with the rights of that account, and is root again afterwards. As root only. */
export function actingAs<Result>(account: Account, act: () => Result): Result {
  actAsAccount(account);
  try {
    return act();
  } finally {
    actAsRoot();
  }
}

/** @returns what the command printed; undefined when it failed or is not there. */
function output(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      timeout: DIRECTORY_COMMAND_MAX_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return undefined;
  }
}
