import { becomeAccount, type Account } from '../process/account.js';

/** Exit code of a runner that is not whom it should be: EX_NOPERM of sysexits.h. */
export const RUNNER_REFUSED = 77;

/** The runner's arguments that name its account: none when it is to stay who it is. */
export function accountArguments(account: Account | undefined): string[] {
  return account === undefined ? [] : [JSON.stringify(account)];
}

/**
 * The reverse of {@link accountArguments}.
 *
 * @throws when there is an argument and it is none of ours.
 */
export function accountOfArguments([text]: readonly string[]): Account | undefined {
  if (text === undefined) return undefined;
  // Whatever it is: what we read of it is checked.
  const { uid, gid, groups } = JSON.parse(text) as Record<keyof Account, unknown>;
  if (!isId(uid) || !isId(gid) || !Array.isArray(groups) || !groups.every(isId)) {
    throw new TypeError('not an account');
  }
  return { uid, gid, groups };
}

/**
 * Makes sure that this process is the account for good. A daemon whose sockets need root keeps it as its real id until
 * they are bound (docs/decisions/0009): a process forked until then has it too, and nobody to take it away.
 *
 * @returns false when it is somebody else, or could become root again: it must not serve.
 */
export function settleAs(account: Account): boolean {
  try {
    if (process.getuid?.() === 0 || process.geteuid?.() === 0) {
      process.seteuid?.(0);
      becomeAccount(account);
    }
  } catch {
    return false;
  }
  return isWholly(account) && (account.uid === 0 || !canBecomeRoot());
}

function isWholly({ uid, gid, groups }: Account): boolean {
  const { getuid, geteuid, getgid, getegid, getgroups } = process;
  const isSame = (ids: readonly (number | undefined)[], id: number): boolean =>
    ids.every((own) => own === id);
  const wanted = new Set([gid, ...groups]);
  // getgroups(2) may leave out the effective one.
  const owned = new Set([gid, ...(getgroups?.() ?? [])]);
  return (
    isSame([getuid?.(), geteuid?.()], uid) &&
    isSame([getgid?.(), getegid?.()], gid) &&
    owned.size === wanted.size &&
    [...owned].every((id) => wanted.has(id))
  );
}

/** Says what the ids do not: whether the saved one, or a capability, leads back. */
function canBecomeRoot(): boolean {
  try {
    process.seteuid?.(0);
    return true;
  } catch {
    return false;
  }
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
