import { becomeAccount, type Account } from './account.js';

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
