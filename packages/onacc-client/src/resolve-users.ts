import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { AppError } from '@portcullis/shared';

const run = promisify(execFile);
const LOOK_UP_TIMEOUT_MS = 5_000;

/** An account named in the configuration does not exist: code `UNKNOWN_USER`. */
export class UserError extends AppError<'UNKNOWN_USER'> {}

/**
 * The uids of accounts, by exact name, looked up once before anything is marked: a name service in the hot path could be
 * waiting for the very file that is being opened (field notes, row 53).
 *
 * @throws UserError naming the first account that is not there
 */
export async function resolveUsers(names: readonly string[]): Promise<number[]> {
  const uids: number[] = [];
  for (const name of names) uids.push(await uidOf(name));
  return uids;
}

async function uidOf(name: string): Promise<number> {
  try {
    const { stdout } = await run('getent', ['passwd', '--', name], { timeout: LOOK_UP_TIMEOUT_MS });
    const [account, , uid] = stdout.split('\n', 1)[0]?.split(':') ?? [];
    if (account === name && uid !== undefined && /^\d+$/.test(uid)) return Number(uid);
  } catch (error) {
    throw new UserError('UNKNOWN_USER', `OnAccessExcludeUname ${name}: no such account`, { cause: error });
  }
  throw new UserError('UNKNOWN_USER', `OnAccessExcludeUname ${name}: no such account`);
}
