import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, expect, jest, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { describeIfFanotify } from '@portcullis/shared/testing';
import { catAs, NOBODY } from '../openers/cat-as.js';
import { cat, openLoop } from '../openers/opener.js';
import { EICAR, PairFixture } from '../pair-fixture.js';
import { ScriptedDaemon } from '../scripted-daemon.js';
import type { ScriptedVerdict } from '../scripted-daemon.js';

jest.setTimeout(120_000);

const REFUSED = /Operation not permitted/;
const NO_CACHE = { ONACC_CACHE_ENTRIES: '4', ONACC_KERNEL_CACHE: 'no', ONACC_LEASE_CACHE: 'no' };

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * The weaknesses of clamonacc by their numbers in behaviour 4.10. Those that are not here have tests where their part is: 2, 11 and
 * 17 in faults-daemon and faults-client, 3 in faults-client, 7 and 15 in watch-tree and watch-load, 18 in mounts, 19 in cli, 16 and 20
 * in the decoder's and the link's own tests.
 */
describeIfFanotify('the weaknesses of clamonacc', () => {
  const cleanUps: (() => unknown)[] = [];
  let pair: PairFixture;

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    await pair.stop();
  });

  function scripted(judge: (content: string) => ScriptedVerdict): ScriptedDaemon {
    const daemon = new ScriptedDaemon(openNative(), pair.socketPath, judge);
    cleanUps.push(() => {
      daemon.close();
    });
    return daemon;
  }

  test('1: a slow scan holds up nobody else', async () => {
    pair = new PairFixture();
    const [slow, quick] = [pair.write('slow', 'slow'), pair.write('quick', 'quick')];
    const daemon = scripted((content) => (content === 'slow' ? 'silence' : 'OK'));
    await pair.startClient(NO_CACHE);
    const opener = execFile('cat', [slow]);
    await sleep(500);
    for (let times = 0; times < 5; times += 1) expect(await cat(quick)).toBe('quick');
    expect(opener.exitCode).toBeNull();
    daemon.answerHeld('OK');
    await new Promise((resolve) => opener.once('close', resolve));
  });

  test('4: with --allmatch an infected file is refused the second time, too', async () => {
    pair = new PairFixture();
    const [first, second] = [pair.write('a', EICAR), pair.write('b', EICAR)];
    await pair.startDaemon();
    await pair.startClient({}, ['--allmatch']);
    for (const path of [first, first, second, first, first]) expect(await cat(path)).toMatch(REFUSED);
  });

  test.each([[[]], [['OnAccessRetryAttempts 3']]])(
    '5: OnAccessDenyOnError refuses while the daemon is away, with %j',
    async (options) => {
      pair = new PairFixture(['OnAccessDenyOnError yes', ...options]);
      const [known, unknown] = [pair.write('known', 'content'), pair.write('unknown', 'content')];
      const daemon = await pair.startDaemon();
      await pair.startClient(NO_CACHE);
      expect(await cat(known)).toBe('content');
      await daemon.stop();
      expect(await cat(unknown)).toMatch(REFUSED);
    },
  );

  test('5: a scan that fails is tried again, and what the last try says counts', async () => {
    pair = new PairFixture(['OnAccessDenyOnError yes', 'OnAccessRetryAttempts 2']);
    const [failing, recovering] = [pair.write('failing', 'failing'), pair.write('recovering', 'recovering')];
    let tries = 0;
    const daemon = scripted((content) => {
      if (content === 'failing') return { error: 'lstat() failed: Permission denied.' };
      tries += 1;
      return tries < 3 ? { error: "Can't allocate memory" } : 'OK';
    });
    await pair.startClient(NO_CACHE);
    expect(await cat(recovering)).toBe('recovering');
    expect(await cat(failing)).toMatch(REFUSED);
    expect(daemon.scanned).toHaveLength(6);
  });

  test('6: what is too large is told of, and refused where the table says so', async () => {
    pair = new PairFixture(['OnAccessMaxFileSize 1K']);
    const path = pair.write('large', EICAR.padEnd(2_000, ' '));
    await pair.startDaemon();
    const allowing = await pair.startClient();
    expect(await cat(path)).toContain('EICAR');
    expect(await allowing.said('notScanned')).toMatchObject({ cause: 'tooLarge', path });
    await allowing.stop();
    await pair.startClient({ ONACC_ON_TOO_LARGE: 'deny' });
    expect(await cat(path)).toMatch(REFUSED);
  });

  test('6: a path of more than 1,023 bytes is protected like any other', async () => {
    pair = new PairFixture();
    const deep = Array.from({ length: 12 }, (_, index) => `${index}`.padEnd(120, 'd')).join('/');
    mkdirSync(`${pair.guarded}/${deep}`, { recursive: true });
    await pair.startDaemon();
    const client = await pair.startClient();
    const path = pair.write(`${deep}/eicar`, EICAR);
    expect(path.length).toBeGreaterThan(1_023);
    expect(await cat(path)).toMatch(REFUSED);
    expect(await client.said('found')).toMatchObject({ path });
  });

  test('6: another mount namespace is protected like ours', async () => {
    pair = new PairFixture();
    const path = pair.write('eicar', EICAR);
    await pair.startDaemon();
    await pair.startClient();
    const script = `mount --make-rprivate / && cat ${path}`;
    const elsewhere = new Promise<string>((resolve) => {
      execFile('unshare', ['--mount', 'sh', '-c', script], { timeout: 20_000 }, (_error, stdout, stderr) => {
        resolve(stdout + stderr);
      });
    });
    expect(await elsewhere).toMatch(REFUSED);
  });

  test('8: what is judged is the file that was opened, whatever its path leads to by then', async () => {
    pair = new PairFixture();
    const path = pair.write('file', 'one');
    pair.write('other', 'two');
    const daemon = scripted(() => 'silence');
    await pair.startClient(NO_CACHE);
    const opener = cat(path);
    while (daemon.scanned.length === 0) await sleep(20);
    renameSync(`${pair.guarded}/other`, path);
    daemon.answerHeld({ found: 'First' });
    expect(await opener).toMatch(REFUSED);
    const next = cat(path);
    while (daemon.scanned.length < 2) await sleep(20);
    daemon.answerHeld('OK');
    expect(await next).toBe('two');
    expect(daemon.scanned).toEqual(['one', 'two']);
  });

  test('8: a daemon that may not read the file itself judges it all the same', async () => {
    pair = new PairFixture(['User nobody', 'LocalSocketMode 666']);
    mkdirSync(`${pair.guarded}/private`, { mode: 0o700 });
    const path = pair.write('private/eicar', EICAR);
    chmodSync(path, 0o600);
    chmodSync(pair.path('.'), 0o777);
    await pair.startDaemon();
    await pair.startClient();
    expect(await cat(path)).toMatch(REFUSED);
  });

  test('9: one cat is one scan, and the next is none', async () => {
    pair = new PairFixture();
    const path = pair.write('file', 'content');
    const daemon = scripted(() => 'OK');
    await pair.startClient({ ONACC_KERNEL_CACHE: 'no', ONACC_LEASE_CACHE: 'no' });
    await sleep(100);
    for (let times = 0; times < 5; times += 1) expect(await cat(path)).toBe('content');
    expect(daemon.scanned).toHaveLength(1);
  });

  test('10: under errors of every kind no event is left unanswered', async () => {
    pair = new PairFixture(['OnAccessCurlTimeout 500']);
    pair.writeMany(300);
    let asked = 0;
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => {
        asked += 1;
        if (asked % 7 === 0) socket.destroy();
        else if (asked % 5 === 0) socket.write('garbage\0');
      });
    }).listen(pair.socketPath);
    cleanUps.push(() => server.close());
    await pair.startClient(NO_CACHE);
    const openers = Array.from({ length: 8 }, () => openLoop(pair.guarded, 60, 60_000));
    for (const { opened, refused } of await Promise.all(openers)) expect([opened, refused]).toEqual([60, 0]);
  });

  test('12: names are looked up once, whole, before anything is marked', async () => {
    pair = new PairFixture(['OnAccessExcludeUname nobod']);
    await pair.startDaemon();
    const client = pair.launchClient();
    expect(await client.ended).toBe(2);
    await pair.stop();

    pair = new PairFixture(['OnAccessExcludeUname nobody']);
    const path = pair.write('eicar', EICAR);
    await pair.startDaemon();
    await pair.startClient();
    expect(await catAs(NOBODY, path)).toBe(EICAR);
    expect(await cat(path)).toMatch(REFUSED);
  });

  test('13: a user who runs a setuid program of root’s is not exempt with root', async () => {
    pair = new PairFixture(['OnAccessExcludeRootUID yes']);
    const path = pair.write('eicar', EICAR);
    const setuidCat = pair.path('cat');
    copyFileSync('/bin/cat', setuidCat);
    chmodSync(setuidCat, 0o4755);
    await pair.startDaemon();
    await pair.startClient();
    expect(await cat(path)).toBe(EICAR);
    const asNobody = (command: string): string => {
      try {
        return execFileSync(command, [path], {
          uid: NOBODY,
          gid: NOBODY,
          encoding: 'utf8',
          stdio: 'pipe',
          cwd: '/',
        });
      } catch (error) {
        return String((error as { stderr?: unknown }).stderr); // execFileSync's error has it
      }
    };
    expect(asNobody(setuidCat)).toMatch(REFUSED);
    expect(asNobody('cat')).toMatch(REFUSED);
  });

  test('14: a daemon whose own files lie in the tree neither waits for itself nor scans without end', async () => {
    pair = new PairFixture([], { include: [] });
    writeFileSync(
      pair.configPath,
      `OnAccessIncludePath ${pair.database}\nOnAccessIncludePath ${pair.guarded}\n`,
      { flag: 'a' },
    );
    await pair.startDaemon();
    const client = await pair.startClient(NO_CACHE);
    pair.writeSignatures('MARKER-OF-TOMORROW');
    expect(await cat(pair.write('eicar', EICAR))).toMatch(REFUSED);
    await sleep(1_500);
    expect(client.lines.filter(({ event }) => event === 'notScanned')).toEqual([]);
  });
});
