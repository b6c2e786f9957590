import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
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

interface Listen {
  readonly localSocketPath?: string;
  readonly localSocketGroup?: string;
  readonly localSocketMode?: number;
  readonly tcpPort?: number;
}

/** Drops privileges in a process of its own, with a worker thread, and binds what `listen` names. */
function drop(listen: Listen): Seen {
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
      const privileges = dropPrivileges({ user: 'nobody', listen });
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

/** What a process says that drops privileges with these options: the error, if that is what comes of it. */
function said(options: string): string {
  const script = `
    const { dropPrivileges } = await import(${JSON.stringify(MODULE)});
    try { dropPrivileges(${options}); }
    catch (error) { console.log(error.code, error.message); }`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return stdout + stderr;
}

/** Below what /proc says takes root, and nobody listens there. */
async function freePrivilegedPort(): Promise<number> {
  const below = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  for (let port = below - 1; port > Math.max(0, below - 200); port -= 1) {
    const server = createServer();
    const isFree = await new Promise((resolve) => {
      server.on('error', () => {
        resolve(false);
      });
      server.listen(port, '127.0.0.1', () => {
        resolve(true);
      });
    });
    if (isFree !== true) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error('no privileged port is free');
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
    const made = statSync(join(directory.path, 'run'));
    expect(made).toMatchObject({ uid, gid });
    expect(made.mode & 0o777).toBe(0o755);
  });

  test('what is handed over comes before the drop, and what goes wrong is an error of the start', () => {
    expect(said(`{ user: 'nobody', listen: undefined, handOver: ({ uid }) => console.log(uid) }`)).toBe(
      `${uid}\n`,
    );
    const code = `{ user: 'nobody', listen: undefined,
      handOver: () => { throw Object.assign(new Error('x'), { code: 'EPERM' }); } }`;
    expect(said(code)).toBe("LOG_FILE Can't give the log file to user nobody: Operation not permitted\n");
    const missing = JSON.stringify(join(directory.path, 'missing'));
    expect(said(`{ user: 'nobody', listen: undefined, runDirectory: ${missing} }`)).toMatch(
      /^RUN_DIRECTORY /,
    );
  });

  test('a privileged port is bound by root, and root is gone even when that fails', async () => {
    const tcpPort = await freePrivilegedPort();
    expect(drop({ tcpPort })).toMatchObject({ during: ['0 0 0'], after: dropped, canReturn: false });
    const failed = drop({ tcpPort, localSocketPath: join(directory.path, 'no/such/s') });
    expect(failed).toMatchObject({ after: dropped, canReturn: false });
    expect(failed.error).toBeDefined();
  });

  test('an unknown account is an error', () => {
    expect(said(`{ user: 'no-such-user', listen: undefined }`)).toBe(
      "ACCOUNT Can't get information about user no-such-user.\n",
    );
  });
});
