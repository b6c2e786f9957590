import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { findAccount } from '../process/account.js';
import { accountArguments, accountOfArguments } from './runner-account.js';

const whyNotRoot = process.geteuid?.() === 0 ? undefined : 'needs root';

const url = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);

interface Settled {
  readonly isSettled: boolean;
  /** Of every thread, each value once. */
  readonly uids: string[];
  readonly gids: string[];
  readonly groups: string[];
  readonly capabilities: string[];
}

/** Runs `before` in a process of its own, whose child then settles as nobody. */
function settleAfter(before: string): Settled {
  const child = `
    import { readdirSync, readFileSync } from 'node:fs';
    const { settleAs } = await import(${url('../process/settle-as.js')});
    const { accountOfArguments } = await import(${url('runner-account.js')});
    const isSettled = settleAs(accountOfArguments(process.argv.slice(1)));
    const status = (field) => [...new Set(readdirSync('/proc/self/task').map((task) =>
      readFileSync('/proc/self/task/' + task + '/status', 'utf8').split('\\n')
        .find((line) => line.startsWith(field)).split(/\\s+/).slice(1).join(' ').trim()))];
    console.log(JSON.stringify({ isSettled, uids: status('Uid:'), gids: status('Gid:'), groups: status('Groups:'),
      capabilities: [...status('CapEff:'), ...status('CapPrm:')] }));`;
  const script = `
    import { spawnSync } from 'node:child_process';
    const { actAsAccount, becomeAccount, findAccount } = await import(${url('../process/account.js')});
    const nobody = findAccount('nobody');
    ${before};
    const argument = JSON.stringify(nobody);
    spawnSync(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(child)}, argument], { stdio: 'inherit' });`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
    cwd: '/',
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Settled; // Our own script's words.
}

describeOrSkip('settleAs', whyNotRoot, () => {
  const { uid, gid, groups } = findAccount('nobody') ?? { uid: -1, gid: -1, groups: [] };
  const settled: Settled = {
    isSettled: true,
    uids: [Array(4).fill(uid).join(' ')],
    gids: [Array(4).fill(gid).join(' ')],
    groups: [groups.join(' ')],
    capabilities: Array<string>(2).fill('0'.repeat(16)),
  };

  test.each([
    ['while only the effective ids are the account’s', 'actAsAccount(nobody)'],
    ['while root binds the sockets', 'actAsAccount(nobody); process.seteuid(0); process.setegid(0)'],
    ['once root is gone', 'becomeAccount(nobody)'],
    ['by root itself', ''],
  ])(
    'a process that was forked %s is the account for good',
    (_, before) => {
      expect(settleAfter(before)).toEqual(settled);
    },
    30_000,
  );

  test.each([
    ['somebody else', 'process.setgid(1); process.setuid(1)'],
    [
      'the account with another group',
      `process.setgroups([1]); process.setgid(${gid}); process.setuid(${uid})`,
    ],
    [
      'the account with another primary group',
      `process.setgroups([${gid}]); process.setgid(1); process.setuid(${uid})`,
    ],
  ])(
    'a process that is %s is told so',
    (_, before) => {
      expect(settleAfter(before).isSettled).toBe(false);
    },
    30_000,
  );
});

describe('accountOfArguments', () => {
  test('reads what accountArguments wrote', () => {
    const account = { uid: 7, gid: 8, groups: [8, 9] };
    expect(accountOfArguments(accountArguments(account))).toEqual(account);
    expect(accountOfArguments(accountArguments(undefined))).toBeUndefined();
  });

  test.each(['', '{}', 'null', '{"uid":"0","gid":1,"groups":[]}', '{"uid":1,"gid":1,"groups":[null]}'])(
    'an argument that is no account is not taken for none: %s',
    (text) => {
      expect(() => accountOfArguments([text])).toThrow();
    },
  );
});
