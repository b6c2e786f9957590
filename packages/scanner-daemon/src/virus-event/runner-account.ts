import type { Account } from '../process/account.js';

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

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
