import { execFile, execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, jest, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import type { ChildProgram } from '@portcullis/shared/programs';
import { describeIfFanotify } from '@portcullis/shared/testing';
import { cat, openLoop } from '../openers/opener.js';
import { steadyOpener } from '../openers/steady-opener.js';
import { EICAR, hangUp, PairFixture, told, until, untilTrue } from '../pair-fixture.js';
import { ScriptedDaemon } from '../scripted-daemon.js';

jest.setTimeout(90_000);

const REFUSED = /Operation not permitted/;
const NO_CACHE = { ONACC_CACHE_ENTRIES: '4', ONACC_KERNEL_CACHE: 'no', ONACC_LEASE_CACHE: 'no' };
const CLIENT = fileURLToPath(new URL('../../../bin/onacc-client.js', import.meta.url));

interface Status {
  readonly cache: { readonly leases?: { readonly held: number } };
  readonly fds: { readonly open?: number };
}

describeIfFanotify('SIGHUP while others open files', () => {
  const cleanUps: (() => unknown)[] = [];
  let pair: PairFixture;

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    await pair.stop();
  });

  /** Leases come and go with files and their age; status knows of those that the present protection holds. */
  async function held(client: ChildProgram): Promise<{ fds: number; threads: number }> {
    const { stdout } = await promisify(execFile)(process.execPath, [
      CLIENT,
      'status',
      '--json',
      '--socket',
      pair.controlPath,
    ]);
    const { cache, fds } = JSON.parse(stdout) as Status; // our own program's output
    return {
      fds: (fds.open ?? Infinity) - (cache.leases?.held ?? 0),
      threads: readdirSync(`/proc/${client.pid}/task`).length,
    };
  }

  test('4 busy openers during 5 reloads all get their answers, and an infected file is never let in', async () => {
    pair = new PairFixture(['OnAccessDenyOnError yes']);
    const infected = pair.path('infected');
    mkdirSync(infected);
    writeFileSync(`${infected}/eicar`, EICAR);
    appendFileSync(pair.configPath, `OnAccessIncludePath ${infected}\n`);
    pair.writeMany(200);
    await pair.startDaemon();
    const client = await pair.startClient(NO_CACHE);
    const openers = Array.from({ length: 4 }, () => openLoop(pair.guarded, 5_000, 60_000));
    const stopOpening = steadyOpener(`${infected}/eicar`, pair.path('stop-opening'));
    for (let times = 0; times < 5; times += 1) await hangUp(client, 'reloaded');
    const { opened, refused } = await stopOpening();
    expect(opened).toBe(0);
    expect(refused).toBeGreaterThan(100);
    for (const opens of await Promise.all(openers)) expect(opens).toEqual({ opened: 5_000, refused: 0 });
  });

  test('after ten reloads as many descriptors and threads are there as after the first', async () => {
    pair = new PairFixture(['OnAccessExtraScanning yes']);
    pair.writeMany(50);
    const infected = pair.write('eicar', EICAR);
    await pair.startDaemon();
    const client = await pair.startClient({ ONACC_ON_DETECTION: '/bin/true' });
    const use = async (): Promise<void> => {
      await openLoop(pair.guarded, 100);
      expect(await cat(infected)).toMatch(REFUSED);
    };
    await hangUp(client, 'reloaded');
    await use();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const before = await held(client);
    for (let times = 0; times < 10; times += 1) {
      await hangUp(client, 'reloaded');
      await use();
    }
    const isAsBefore = async (): Promise<boolean> => {
      const now = await held(client);
      return now.fds <= before.fds && now.threads <= before.threads;
    };
    await untilTrue('as many as before', isAsBefore);
    expect(told(client, 'trouble')).toEqual([]);
  });

  test('from marks on directories to those of the mount, of the filesystem and back: an infected file is never let in', async () => {
    pair = new PairFixture();
    execFileSync('mount', ['-t', 'tmpfs', 'portcullis-test', pair.guarded]);
    cleanUps.push(() => execFileSync('umount', ['-l', pair.guarded]));
    const path = pair.write('eicar', EICAR);
    const environment = pair.path('client.env');
    writeFileSync(environment, '', { mode: 0o600 });
    await pair.startDaemon();
    const client = await pair.startClient({}, [`--env-file=${environment}`]);
    cleanUps.push(() => client.stop());
    const stopOpening = steadyOpener(path, pair.path('stop-opening'));
    for (const marks of ['mount', 'filesystem', 'directory', 'mount', 'directory']) {
      writeFileSync(environment, `ONACC_MARKS=${marks}\n`);
      await hangUp(client, 'reloaded');
      expect(await cat(pair.write(`clean-${marks}`, 'hello'))).toBe('hello');
    }
    const { opened, refused } = await stopOpening();
    expect(opened).toBe(0);
    expect(refused).toBeGreaterThan(100);
  });

  test('while the daemon is away, and is to be waited for by nobody: refused before, during and after', async () => {
    pair = new PairFixture(['OnAccessDenyOnError yes']);
    const path = pair.write('file', 'content');
    const daemon = await pair.startDaemon();
    const client = await pair.startClient(NO_CACHE);
    await daemon.stop();
    await client.said('daemonDown');
    const stopOpening = steadyOpener(path, pair.path('stop-opening'));
    for (let times = 0; times < 2; times += 1) await hangUp(client, 'reloaded');
    const { opened, refused } = await stopOpening();
    expect(opened).toBe(0);
    expect(refused).toBeGreaterThan(100);
    await pair.startDaemon();
    await untilTrue('it is back', async () => (await cat(path)) === 'content');
  });

  test('an open that waits while it happens gets its verdict, and others get theirs meanwhile', async () => {
    pair = new PairFixture(['OnAccessCurlTimeout 30000']);
    const [slow, quick] = [pair.write('slow', 'slow'), pair.write('quick', 'quick')];
    const daemon = new ScriptedDaemon(openNative(), pair.socketPath, (content) =>
      content === 'slow' ? 'silence' : 'OK',
    );
    cleanUps.push(() => {
      daemon.close();
    });
    const client = await pair.startClient(NO_CACHE);
    const opener = cat(slow);
    await until('a scan', () => daemon.scanned.includes('slow'));
    process.kill(client.pid, 'SIGHUP');
    await until('both are connected', () => daemon.connections > 3);
    for (let times = 0; times < 5; times += 1) expect(await cat(quick)).toBe('quick');
    daemon.answerHeld({ found: 'Late' });
    expect(await opener).toMatch(REFUSED);
    await client.said('reloaded');
    expect(await cat(quick)).toBe('quick');
    expect(told(client, 'found').at(-1)).toMatchObject({ path: slow, decision: 'deny' });
  });
});
