import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { startProgram, type ChildProgram } from '@portcullis/shared/programs';
import { describeIfFanotify, makeTempDir, type TempDir } from '@portcullis/shared/testing';

jest.setTimeout(90_000);

const DAEMON = fileURLToPath(new URL('../../../bin/scanner-daemon.cjs', import.meta.url));
/** Never in a file of ours: composed when it is needed. */
const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');
const REFUSED = /Operation not permitted/;
const NOBODY = { uid: 65_534, gid: 65_534 };
const GONE_MAX_MS = 2_000;

let directory: TempDir;
let daemon: ChildProgram | undefined;

beforeEach(() => {
  directory = makeTempDir('onaccess-');
  chmodSync(directory.path, 0o755);
  for (const name of ['guarded', 'db', 'tmp']) mkdirSync(`${directory.path}/${name}`);
  chmodSync(`${directory.path}/tmp`, 0o777);
  writeFileSync(`${directory.path}/db/t.hdb`, '44d88612fea8a8f36de82e1278abb02f:68:Test.Eicar\n');
});

afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  directory.remove();
});

async function startDaemon(user?: typeof NOBODY): Promise<ChildProgram> {
  const { path } = directory;
  const lines = [
    `LocalSocket ${user === undefined ? path : `${path}/tmp`}/clamd.sock`,
    `DatabaseDirectory ${path}/db`,
    `TemporaryDirectory ${path}/tmp`,
    `OnAccessIncludePath ${path}/guarded`,
    'OnAccessPrevention yes',
    'ScanOnAccess yes',
    // The daemon gives up root: the client is to be started all the same, and again.
    ...(user === undefined ? ['User nobody'] : []),
  ];
  writeFileSync(`${path}/clamd.conf`, `${lines.join('\n')}\n`);
  daemon = startProgram({
    name: 'scanner-daemon',
    file: DAEMON,
    args: ['-F', '-c', `${path}/clamd.conf`],
    env: { ...process.env, SCANNER_ENGINE: 'builtin', ONACC_CONTROL_SOCKET: `${path}/control.sock` },
    user,
  });
  await daemon.said('listening');
  return daemon;
}

function cat(path: string): Promise<string> {
  return new Promise((resolve) => {
    execFile('cat', [path], (_error, stdout, stderr) => {
      resolve(`${stdout}${stderr}`);
    });
  });
}

async function until<Result>(look: () => Result | undefined, what: string, maxMs = 20_000): Promise<Result> {
  const giveUpAtMs = Date.now() + maxMs;
  for (;;) {
    const seen = look();
    if (seen !== undefined) return seen;
    if (Date.now() > giveUpAtMs) {
      throw new Error(
        `waited in vain for ${what}:\n${(daemon?.lines ?? []).map(({ msg }) => msg).join('\n')}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

interface ClientFacts {
  readonly event?: string;
  readonly pid?: number;
}

/** The pid of the client that has last said that it protects, if it is not the one given. */
function protectingPid(running: ChildProgram, other?: number): Promise<number> {
  return until(() => {
    const facts = running.lines.map((line) => line['client'] as ClientFacts | undefined);
    const pid = facts.findLast((fact) => fact?.event === 'protecting')?.pid;
    return pid === other ? undefined : pid;
  }, 'a client that protects');
}

function untilGone(pid: number): Promise<true> {
  return until(() => (existsSync(`/proc/${pid}`) ? undefined : true), `the end of ${pid}`, GONE_MAX_MS);
}

const parentOf = (pid: number): number =>
  Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

function write(name: string, content: string): string {
  const path = `${directory.path}/guarded/${name}`;
  writeFileSync(path, content);
  return path;
}

describeIfFanotify('ScanOnAccess yes in clamd.conf', () => {
  test('the daemon starts the on-access client, which refuses EICAR and says so in the daemon’s log', async () => {
    const running = await startDaemon();
    await protectingPid(running);
    expect(await cat(write('eicar', EICAR))).toMatch(REFUSED);
    expect(await cat(write('clean', 'hello'))).toBe('hello');
    await until(
      () =>
        running.lines.find(({ msg }) =>
          /^ScanOnAccess: .*eicar: Test\.Eicar(\.UNOFFICIAL)? FOUND$/.test(msg),
        ),
      'the detection in the log',
    );
  });

  test('a daemon that is killed takes the client along within 2 s, and files open', async () => {
    const running = await startDaemon();
    const client = await protectingPid(running);
    const keeper = parentOf(client);
    const path = write('eicar', EICAR);
    process.kill(running.pid, 'SIGKILL');
    await untilGone(client);
    await untilGone(keeper);
    expect(await cat(path)).toBe(EICAR);
  });

  test('a daemon that is stopped stops the client first, in order', async () => {
    const running = await startDaemon();
    const client = await protectingPid(running);
    const path = write('eicar', EICAR);
    await running.stop();
    expect(await running.ended).toBe(0);
    expect(existsSync(`/proc/${client}`)).toBe(false);
    expect(running.lines.some(({ msg }) => msg.includes('nothing is protected'))).toBe(false);
    expect(await cat(path)).toBe(EICAR);
  });

  test('a client that is killed is started again, as root though the daemon is not root any more', async () => {
    const running = await startDaemon();
    const first = await protectingPid(running);
    const path = write('eicar', EICAR);
    process.kill(first, 'SIGKILL');
    const second = await protectingPid(running, first);
    expect(readFileSync(`/proc/${second}/status`, 'utf8')).toMatch(/^Uid:\s+0\s/m);
    expect(readFileSync(`/proc/${running.pid}/status`, 'utf8')).toMatch(/^Uid:\s+65534\s/m);
    expect(await cat(path)).toMatch(REFUSED);
  });

  test('a keeper that is killed takes the client along, and the log says what to do', async () => {
    const running = await startDaemon();
    const client = await protectingPid(running);
    const path = write('eicar', EICAR);
    process.kill(parentOf(client), 'SIGKILL');
    await untilGone(client);
    await until(
      () => running.lines.find(({ msg }) => /keeper .* ended \(SIGKILL\): restart the daemon/.test(msg)),
      'a word about the keeper',
    );
    expect(await cat(path)).toBe(EICAR);
  });

  test('without the privilege the daemon serves, and its log says what is missing', async () => {
    const running = await startDaemon(NOBODY);
    const said = await until(
      () => running.lines.find(({ msg }) => msg.startsWith('ScanOnAccess: ')),
      'a word',
    );
    expect(said.msg).toMatch(
      /ScanOnAccess: the on-access client is not started: it takes root or CAP_SYS_ADMIN, .*uid 65534.*sudo onacc-client -c \//,
    );
  });
});
