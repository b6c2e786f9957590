import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { ChildProgram } from '@portcullis/shared/programs';
import { describeOrSkip } from '@portcullis/shared/testing';
import { cat } from '../openers/opener.js';
import { ask, EICAR, foundPaths, PairFixture, told, until, untilTrue } from '../pair-fixture.js';

jest.setTimeout(60_000);

const CLIENT = fileURLToPath(new URL('../../../bin/onacc-client.js', import.meta.url));
const INOTIFY = { ONACC_INTERFACE: 'inotify' };
const STATE = 'notify-only: ONACC_INTERFACE=inotify';
const notRoot = process.geteuid?.() === 0 ? undefined : 'needs root';

interface Status {
  readonly state: string;
  readonly degraded: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
  readonly daemon: { readonly state: string };
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

describeOrSkip('ONACC_INTERFACE=inotify', notRoot, () => {
  let pair: PairFixture;
  let daemon: ChildProgram;

  beforeEach(async () => {
    pair = new PairFixture();
    daemon = await pair.startDaemon();
  });
  afterEach(async () => {
    await pair.stop();
  });

  function status(): Promise<Status> {
    return new Promise((resolve, reject) => {
      const args = [CLIENT, 'status', '--json', '--socket', pair.controlPath];
      execFile(process.execPath, args, { timeout: 20_000 }, (_error, stdout, stderr) => {
        // It ends with 1 for whatever is less than was asked for.
        if (stdout === '') reject(new Error(stderr));
        else resolve(JSON.parse(stdout) as Status); // our own program's output
      });
    });
  }

  async function toldOf(client: ChildProgram, path: string): Promise<void> {
    await until(`${path} is told of`, () => foundPaths(client).includes(path));
  }

  test('the state is named in the log and by `status`; nobody is refused, and all that is found is told of', async () => {
    const path = pair.write('eicar', EICAR);
    const client = await pair.startClient(INOTIFY, [`--log=${pair.path('log')}`]);
    expect(await client.said('degraded')).toMatchObject({ level: 'warn', msg: STATE });
    expect(await client.said('protecting')).toMatchObject({ mode: 'notify-only', interface: 'inotify' });
    const logHas = async (line: string): Promise<void> => {
      await until(`the log has ${line}`, () => readFileSync(pair.path('log'), 'utf8').includes(`${line}\n`));
    };
    await logHas(`WARNING: ${STATE}`);
    expect(await status()).toMatchObject({ state: STATE });
    expect(await cat(path)).toBe(EICAR);
    await toldOf(client, path);
    expect(told(client, 'found')[0]).toMatchObject({
      decision: 'notified',
      signature: 'Test.Eicar.UNOFFICIAL',
    });
    await logHas(`${path}: Test.Eicar.UNOFFICIAL FOUND`);
    await client.stop();
    expect(await client.ended).toBe(0);
  });

  test('what is written, also in a directory that is made later, and what is moved in, is told of', async () => {
    const client = await pair.startClient(INOTIFY);
    await toldOf(client, pair.write('eicar', EICAR));
    mkdirSync(`${pair.guarded}/later/deep/down`, { recursive: true });
    await toldOf(client, pair.write('later/deep/down/eicar', EICAR));
    mkdirSync(pair.path('outside/deep'), { recursive: true });
    writeFileSync(pair.path('outside/deep/eicar'), EICAR);
    renameSync(pair.path('outside'), `${pair.guarded}/moved`);
    await toldOf(client, `${pair.guarded}/moved/deep/eicar`);
    writeFileSync(pair.path('single'), EICAR);
    renameSync(pair.path('single'), `${pair.guarded}/single`);
    await toldOf(client, `${pair.guarded}/single`);
    renameSync(`${pair.guarded}/moved`, `${pair.guarded}/renamed`);
    await sleep(500);
    await toldOf(client, pair.write('renamed/deep/another', EICAR));
    rmSync(`${pair.guarded}/renamed`, { recursive: true });
    mkdirSync(`${pair.guarded}/renamed`);
    await toldOf(client, pair.write('renamed/again', EICAR));
  });

  test('while nothing happens nothing is scanned: our own opens start no loop', async () => {
    pair.writeMany(100);
    const client = await pair.startClient(INOTIFY);
    const infected = pair.write('eicar', EICAR);
    for (let index = 0; index < 100; index += 1) await cat(`${pair.guarded}/f${index}`);
    await toldOf(client, infected);
    await sleep(1_000);
    const scans = (await status()).counters['scans'] ?? 0;
    expect(scans).toBeGreaterThan(0);
    expect(scans).toBeLessThanOrEqual(101 * 2);
    await sleep(3_000);
    expect((await status()).counters['scans']).toBe(scans);
    expect(told(client, 'found').length).toBeLessThanOrEqual(2);
  });

  test('a version of a file that was judged is not judged again; one that was changed is', async () => {
    const client = await pair.startClient(INOTIFY);
    const path = pair.write('file', 'clean');
    await untilTrue('it was scanned', async () => ((await status()).counters['scans'] ?? 0) > 0);
    for (let times = 0; times < 5; times += 1) await cat(path);
    await sleep(500);
    expect((await status()).counters['scans']).toBeLessThanOrEqual(2);
    pair.write('file', EICAR);
    await toldOf(client, path);
  });

  test('new signatures hold for files that were judged before; an outage is told of, and what came meanwhile is judged', async () => {
    const client = await pair.startClient(INOTIFY);
    const path = pair.write('file', 'with MARKER-OF-TOMORROW');
    await untilTrue('it was scanned', async () => ((await status()).counters['scans'] ?? 0) > 0);
    expect((await status()).daemon.state).toBe('up');
    pair.writeSignatures('MARKER-OF-TOMORROW');
    expect(await ask(pair.socketPath, 'RELOAD')).toBe('RELOADING');
    await client.said('databaseChanged');
    expect(foundPaths(client)).toEqual([]);
    await cat(path);
    await toldOf(client, path);

    await daemon.stop();
    await until('the outage is told', () => told(client, 'daemonDown').length > 0);
    expect((await status()).daemon.state).toBe('down');
    const meanwhile = pair.write('meanwhile', EICAR);
    await pair.startDaemon();
    await toldOf(client, meanwhile);
    expect((await status()).daemon.state).toBe('up');
  });

  test('--move: the file goes into the quarantine', async () => {
    const quarantine = pair.path('quarantine');
    mkdirSync(quarantine, { mode: 0o700 });
    const client = await pair.startClient(INOTIFY, [`--move=${quarantine}`]);
    const path = pair.write('eicar', EICAR);
    await toldOf(client, path);
    await until('it is gone', () => !existsSync(path));
    await until('it is kept', () => existsSync(`${quarantine}/eicar`));
    expect(readdirSync(`${quarantine}/.portcullis`)).toEqual(['eicar.json']);
  });

  test('SIGHUP from there to fanotify and back: refused in between', async () => {
    const path = pair.write('eicar', EICAR);
    const environment = pair.path('client.env');
    writeFileSync(environment, 'ONACC_INTERFACE=inotify\n', { mode: 0o600 });
    const client = await pair.startClient({}, [`--env-file=${environment}`]);
    expect((await status()).state).toBe(STATE);
    writeFileSync(environment, 'ONACC_INTERFACE=fanotify\n');
    process.kill(client.pid, 'SIGHUP');
    await untilTrue('it prevents', async () => (await status()).state === 'prevention');
    expect(await cat(path)).toMatch(/Operation not permitted/);
    writeFileSync(environment, 'ONACC_INTERFACE=inotify\n');
    process.kill(client.pid, 'SIGHUP');
    await untilTrue('it only tells', async () => (await status()).state === STATE);
    expect(await cat(path)).toBe(EICAR);
  });
});
