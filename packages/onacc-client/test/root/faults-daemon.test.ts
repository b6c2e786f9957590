import { execFile } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, expect, jest, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { describeIfFanotify } from '@portcullis/shared/testing';
import { cat, openLoop } from '../openers/opener.js';
import { ask, EICAR, openFds, PairFixture } from '../pair-fixture.js';
import { ScriptedDaemon } from '../scripted-daemon.js';
import type { ScriptedVerdict } from '../scripted-daemon.js';

jest.setTimeout(120_000);

const REFUSED = /Operation not permitted/;
/** Holds a file open and mapped, says so, and waits for a line before what it is told to do comes. */
const CHANGER = `
import mmap, os, sys, time
path = sys.argv[1]
held = os.open(path, os.O_RDWR)
mapped = mmap.mmap(held, 0)
os.lseek(held, 0, os.SEEK_END)
print('holds', flush=True)
sys.stdin.readline()
`;
const NO_CACHE = { ONACC_CACHE_ENTRIES: '4', ONACC_KERNEL_CACHE: 'no', ONACC_LEASE_CACHE: 'no' };
const DEADLINE = 'OnAccessCurlTimeout 1000';
/** Far more than the deadline, far less than for ever. */
const SOON_MS = 10_000;

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** The next thing that a child of ours prints. */
async function said(child: ChildProcess): Promise<void> {
  await new Promise((resolve, reject) => {
    child.stdout?.once('data', resolve);
    child.once('close', reject);
  });
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const giveUpAtMs = Date.now() + SOON_MS;
  while (!isSo()) {
    if (Date.now() > giveUpAtMs) throw new Error(`not within ${SOON_MS} ms: ${what}`);
    await sleep(20);
  }
}

/** What was there at most `SOON_MS` later. */
async function soon(work: Promise<string>): Promise<string> {
  const startedMs = Date.now();
  const text = await work;
  expect(Date.now() - startedMs).toBeLessThan(SOON_MS);
  return text;
}

describeIfFanotify('when the daemon fails, nobody hangs', () => {
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

  test.each([
    ['allowed', [], 'content'],
    ['refused with OnAccessDenyOnError', ['OnAccessDenyOnError yes'], REFUSED],
  ])('stopped (SIGSTOP): an open is %s at its deadline', async (_how, options, expected) => {
    pair = new PairFixture([DEADLINE, ...options]);
    const path = pair.write('file', 'content');
    const daemon = await pair.startDaemon();
    await pair.startClient(NO_CACHE);
    process.kill(daemon.pid, 'SIGSTOP');
    cleanUps.push(() => process.kill(daemon.pid, 'SIGCONT'));
    expect(await soon(cat(path))).toEqual(expect.stringMatching(expected));
  });

  test('slow: an open is let in at its deadline, and a late verdict is not kept', async () => {
    pair = new PairFixture([DEADLINE]);
    const path = pair.write('file', 'content');
    const daemon = scripted(() => 'silence');
    await pair.startClient(NO_CACHE);
    expect(await soon(cat(path))).toBe('content');
    daemon.answerHeld('OK');
    await sleep(200);
    expect(await soon(cat(path))).toBe('content');
    expect(daemon.scanned).toHaveLength(2);
  });

  test.each([
    ['ids that were never asked for', Buffer.from('4711: fd[9]: OK\0')],
    ['no protocol at all', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n\0')],
    ['an endless line', Buffer.alloc(100_000, 0x41)],
  ])('rubbish (%s): the open is decided by the table', async (_what, bytes) => {
    pair = new PairFixture([DEADLINE, 'OnAccessDenyOnError yes']);
    const path = pair.write('file', 'content');
    const server = createServer((socket: Socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write(bytes));
    }).listen(pair.socketPath);
    cleanUps.push(() => server.close());
    const client = await pair.startClient(NO_CACHE);
    expect(await soon(cat(path))).toMatch(REFUSED);
    expect(openFds(client.pid)).toBeLessThan(100);
  });

  test('restarting again and again under load: every open gets an answer', async () => {
    pair = new PairFixture();
    pair.writeMany(200);
    let daemon = await pair.startDaemon();
    await pair.startClient(NO_CACHE);
    const openers = Array.from({ length: 4 }, () => openLoop(pair.guarded, 6_000, 60_000));
    for (let times = 0; times < 3; times += 1) {
      await daemon.stop();
      daemon = await pair.startDaemon();
    }
    for (const { opened, refused } of await Promise.all(openers))
      expect([opened, refused]).toEqual([6_000, 0]);
    await sleep(2_500);
    expect(await cat(pair.write('eicar', EICAR))).toMatch(REFUSED);
  });

  test('reloading again and again under load: nothing infected is let in, nothing clean refused', async () => {
    pair = new PairFixture();
    pair.writeMany(200);
    await pair.startDaemon();
    await pair.startClient(NO_CACHE);
    const infected = pair.write('eicar', EICAR);
    const clean = openLoop(pair.guarded, 4_000, 60_000);
    const outcomes: string[] = [];
    for (let times = 0; times < 5; times += 1) {
      expect(await ask(pair.socketPath, 'RELOAD')).toBe('RELOADING');
      outcomes.push(await cat(infected));
    }
    for (const outcome of outcomes) expect(outcome).toMatch(REFUSED);
    const { opened, refused } = await clean;
    // The EICAR file is one of 201.
    expect(opened + refused).toBe(4_000);
    expect(refused).toBeLessThanOrEqual(Math.ceil(4_000 / 201));
  });

  test('64 openers of one file wait for one scan', async () => {
    pair = new PairFixture();
    const path = pair.write('file', 'content');
    const daemon = scripted(() => 'silence');
    await pair.startClient(NO_CACHE);
    const openers = Array.from({ length: 64 }, () => cat(path));
    await until('a scan', () => daemon.scanned.length > 0);
    await sleep(1_000);
    daemon.answerHeld('OK');
    expect(new Set(await Promise.all(openers))).toEqual(new Set(['content']));
    // Who came after the answer had a scan of his own, or the verdict.
    expect(daemon.scanned.length).toBeLessThanOrEqual(2);
  });

  test.each([
    ['truncated', 'os.truncate(path, 3)', 'con'],
    ['grown', 'os.write(held, b" and more")', 'content and more'],
    ['rewritten', 'os.pwrite(held, b"CONTENT", 0)', 'CONTENT'],
    ['replaced', 'os.rename(path + ".other", path)', 'other'],
    ['renamed', 'os.rename(path, path + ".renamed"); os.rename(path + ".other", path)', 'other'],
    ['written through a mapping', 'mapped[0:7] = b"CONTENT"', 'CONTENT'],
  ])(
    'a file %s while it is scanned: its opener gets an answer, and the verdict is not kept',
    async (_what, change, after) => {
      pair = new PairFixture();
      const path = pair.write('file', 'content');
      pair.write('file.other', 'other');
      const daemon = scripted(() => 'silence');
      const changer = execFile('python3', [
        '-c',
        `${CHANGER}\n${change}\nprint('changed', flush=True)\ntime.sleep(60)`,
        path,
      ]);
      cleanUps.push(() => changer.kill('SIGKILL'));
      await said(changer);
      await pair.startClient();
      const opener = cat(path);
      await until('a scan', () => daemon.scanned.length > 0);
      changer.stdin?.write('now\n');
      await said(changer);
      daemon.answerHeld('OK');
      await soon(opener);
      const next = cat(path);
      await until('a scan of what is there now', () => daemon.scanned.length > 1);
      expect(daemon.scanned[1]).toBe(after);
      daemon.answerHeld('OK');
      expect(await next).toBe(after);
    },
  );

  test('an opener that is killed while it waits leaves nothing behind', async () => {
    pair = new PairFixture();
    const path = pair.write('file', 'content');
    const daemon = scripted(() => 'silence');
    const client = await pair.startClient(NO_CACHE);
    await sleep(300);
    const before = openFds(client.pid);
    const openers = Array.from({ length: 10 }, () => execFile('cat', [path]));
    await until('a scan', () => daemon.scanned.length > 0);
    await sleep(300);
    for (const opener of openers) opener.kill('SIGKILL');
    await Promise.all(openers.map((opener) => new Promise((resolve) => opener.once('close', resolve))));
    daemon.answerHeld('OK');
    await until('the descriptors to be given back', () => openFds(client.pid) <= before);
    expect(client.lines.filter(({ event }) => event === 'trouble')).toEqual([]);
  });
});
