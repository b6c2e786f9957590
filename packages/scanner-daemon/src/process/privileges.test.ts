import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { describeOrSkip, makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { findAccount } from './account.js';

const MODULE = new URL('privileges.js', import.meta.url).href;
const whyNotRoot = process.geteuid?.() === 0 ? undefined : 'needs root';

// Each test starts a few processes, on a machine that may be busy.
jest.setTimeout(60_000);

let directory: TempDir;
beforeEach(() => {
  directory = makeTempDir('privileges');
  chmodSync(directory.path, 0o755);
});
afterEach(() => {
  directory.remove();
});

interface Seen {
  /** Real, effective and saved user id of every thread, before the sockets, while they are bound, and afterwards. */
  readonly before: string[];
  readonly during: string[];
  readonly after: string[];
  readonly groups: string[];
  readonly canReturn: boolean;
  readonly error?: string;
}

/** Drops privileges in a process of its own, with a worker thread, and binds what `listen` names. */
function drop(listen: { localSocketPath?: string; localSocketGroup?: string; tcpPort?: number }): Seen {
  const script = `
    import { readdirSync, readFileSync } from 'node:fs';
    import { createServer } from 'node:net';
    import { Worker } from 'node:worker_threads';
    const { dropPrivileges } = await import(${JSON.stringify(MODULE)});
    const status = (field) => [...new Set(readdirSync('/proc/self/task').map((task) =>
      readFileSync('/proc/self/task/' + task + '/status', 'utf8').split('\\n')
        .find((line) => line.startsWith(field)).split(/\\s+/).slice(1, field === 'Uid:' ? 4 : undefined).join(' ').trim()))];
    const listen = ${JSON.stringify(listen)};
    const seen = {};
    const bound = (target) => new Promise((resolve, reject) =>
      createServer().on('error', reject).listen(target, resolve));
    try {
      const privileges = dropPrivileges({ user: 'nobody', listen, ownPaths: [] });
      new Worker('setInterval(() => {}, 1000)', { eval: true });
      await new Promise((resolve) => setTimeout(resolve, 300));
      seen.before = status('Uid:');
      await privileges.bindSockets(async () => {
        seen.during = status('Uid:');
        if (listen.tcpPort !== undefined) await bound({ port: listen.tcpPort, host: '127.0.0.1' });
        if (listen.localSocketPath !== undefined) await bound({ path: listen.localSocketPath });
      });
    } catch (error) { seen.error = error.code; }
    seen.after = status('Uid:');
    seen.groups = status('Groups:');
    try { process.seteuid(0); seen.canReturn = true; } catch { seen.canReturn = false; }
    console.log(JSON.stringify(seen));
    process.exit();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Seen; // Our own script's words.
}

describeOrSkip('dropPrivileges', whyNotRoot, () => {
  const { uid, gid } = findAccount('nobody') ?? { uid: -1, gid: -1 };
  const dropped = [`${uid} ${uid} ${uid}`];

  test('drops root for good at once where no socket needs it', () => {
    mkdirSync(join(directory.path, 'own'));
    chownSync(join(directory.path, 'own'), uid, gid);
    expect(drop({ localSocketPath: join(directory.path, 'own/s') })).toMatchObject({
      before: dropped,
      during: dropped,
      after: dropped,
      canReturn: false,
    });
  });

  test('a socket in a directory of root is bound by root, belongs to the account, and root is gone', () => {
    const localSocketPath = join(directory.path, 's');
    const seen = drop({ localSocketPath });
    expect(seen).toEqual({
      before: [`0 ${uid} 0`],
      during: ['0 0 0'],
      after: dropped,
      groups: [String(gid)],
      canReturn: false,
    });
    expect(statSync(localSocketPath)).toMatchObject({ uid, gid });
  });

  test('the group that LocalSocketGroup names is left as it is', () => {
    const localSocketPath = join(directory.path, 's');
    drop({ localSocketPath, localSocketGroup: 'daemon' });
    expect(statSync(localSocketPath)).toMatchObject({ uid, gid: process.getegid?.() });
  });

  test('a missing directory is made for the account', () => {
    const seen = drop({ localSocketPath: join(directory.path, 'run/s') });
    expect(seen).toMatchObject({ before: dropped, canReturn: false });
    expect(seen.error).toBeUndefined();
    expect(statSync(join(directory.path, 'run'))).toMatchObject({ uid, gid });
  });

  test('a privileged port is bound by root, and root is gone even when that fails', () => {
    expect(drop({ tcpPort: 911 })).toMatchObject({ during: ['0 0 0'], after: dropped, canReturn: false });
    const failed = drop({ tcpPort: 911, localSocketPath: join(directory.path, 'no/such/s') });
    expect(failed).toMatchObject({ after: dropped, canReturn: false });
    expect(failed.error).toBeDefined();
  });

  test('an unknown account is an error', () => {
    const script = `
      const { dropPrivileges } = await import(${JSON.stringify(MODULE)});
      try { dropPrivileges({ user: 'no-such-user', listen: undefined, ownPaths: [] }); }
      catch (error) { console.log(error.code, error.message); }`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    expect(stdout).toBe("ACCOUNT Can't get information about user no-such-user.\n");
  });
});
