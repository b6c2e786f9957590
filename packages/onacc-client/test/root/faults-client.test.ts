import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, expect, jest, test } from '@jest/globals';
import { describeIfFanotify } from '@portcullis/shared/testing';
import { cat, openLoop } from '../openers/opener.js';
import { EICAR, openFds, PairFixture } from '../pair-fixture.js';

jest.setTimeout(120_000);

const REFUSED = /Operation not permitted/;
const NO_CACHE = { ONACC_CACHE_ENTRIES: '4', ONACC_KERNEL_CACHE: 'no', ONACC_LEASE_CACHE: 'no' };

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Blocks the client's main thread for ten seconds when it is told to (SIGWINCH, which means nothing else to it). */
const BLOCKER = `
import { isMainThread } from 'node:worker_threads';
if (isMainThread) process.on('SIGWINCH', () => {
  process.stdout.write(JSON.stringify({ level: 'info', event: 'blocked', msg: '' }) + '\\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
});
`;

describeIfFanotify('when the client is in trouble', () => {
  const cleanUps: (() => unknown)[] = [];
  let pair: PairFixture;

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    await pair.stop();
  });

  test('its main thread blocked for 10 s: opens are answered all the same', async () => {
    pair = new PairFixture();
    pair.writeMany(50);
    const infected = pair.write('eicar', EICAR);
    await pair.startDaemon();
    const preload = pair.path('blocker.mjs');
    writeFileSync(preload, BLOCKER);
    const client = await pair.startClient({ ...NO_CACHE, NODE_OPTIONS: `--import file://${preload}` });
    process.kill(client.pid, 'SIGWINCH');
    await client.said('blocked');
    const startedMs = Date.now();
    const { opened, refused } = await openLoop(pair.guarded, 2_000, 9_000);
    expect(await cat(infected)).toMatch(REFUSED);
    expect(Date.now() - startedMs).toBeLessThan(9_000);
    expect(opened + refused).toBe(2_000);
    // What there was to say is said later, within its bound.
    expect(await client.said('found')).toMatchObject({ path: infected });
  });

  test('its log on a full disk: opens are answered, and the loss is told once there is room', async () => {
    pair = new PairFixture();
    const disk = pair.path('disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'portcullis-test', disk]);
    cleanUps.push(() => execFileSync('umount', [disk]));
    const infected = pair.write('eicar', EICAR);
    await pair.startDaemon();
    const client = await pair.startClient(NO_CACHE, [`--log=${disk}/onaccess.log`]);
    writeFileSync(`${disk}/filler`, Buffer.alloc(60 * 1024));
    for (let times = 0; times < 200; times += 1) expect(await cat(infected)).toMatch(REFUSED);
    expect(statSync(`${disk}/onaccess.log`).size).toBeLessThan(64 * 1024);
    execFileSync('rm', [`${disk}/filler`]);
    expect(await cat(infected)).toMatch(REFUSED);
    await client.stop();
    expect(execFileSync('tail', ['-c', '4096', `${disk}/onaccess.log`], { encoding: 'utf8' })).toMatch(
      /could not be written/,
    );
  });

  test('FIFOs, sockets and devices in the tree hold up nobody and are never scanned', async () => {
    pair = new PairFixture(['OnAccessExtraScanning yes']);
    await pair.startDaemon();
    const client = await pair.startClient();
    mkdirSync(`${pair.guarded}/odd`);
    execFileSync('mkfifo', [`${pair.guarded}/odd/fifo`]);
    execFileSync('mknod', [`${pair.guarded}/odd/null`, 'c', '1', '3']);
    const server = createServer().listen(`${pair.guarded}/odd/socket`);
    cleanUps.push(() => server.close());
    await sleep(500);
    execFileSync('cp', ['/dev/null', `${pair.guarded}/odd/empty`]);
    expect(await cat(`${pair.guarded}/odd/null`)).toBe('');
    expect(await cat(pair.write('odd/eicar', EICAR))).toMatch(REFUSED);
    // Through the FIFO, both ends at once.
    const reader = cat(`${pair.guarded}/odd/fifo`);
    execFileSync('sh', ['-c', `echo through > ${pair.guarded}/odd/fifo`]);
    expect(await reader).toBe('through\n');
    expect(client.lines.filter(({ event }) => event === 'trouble')).toEqual([]);
  });

  test('a directory with a FIFO moved into the tree holds up nobody (weakness 3 of clamonacc)', async () => {
    pair = new PairFixture(['OnAccessExtraScanning yes']);
    await pair.startDaemon();
    await pair.startClient();
    mkdirSync(pair.path('outside'));
    execFileSync('mkfifo', [pair.path('outside/fifo')]);
    writeFileSync(pair.path('outside/zeicar'), EICAR);
    execFileSync('mv', [pair.path('outside'), `${pair.guarded}/inside`]);
    await sleep(500);
    expect(await cat(pair.write('clean', 'hello'))).toBe('hello');
    expect(await cat(`${pair.guarded}/inside/zeicar`)).toMatch(REFUSED);
  });

  test('SIGTERM under a daemon that does not answer: what waits is let in, and the client is gone within a second or so', async () => {
    pair = new PairFixture(['OnAccessDenyOnError yes', 'OnAccessCurlTimeout 30000']);
    const path = pair.write('file', 'content');
    const server = createServer((socket) => socket.on('data', () => undefined)).listen(pair.socketPath);
    cleanUps.push(() => server.close());
    const client = await pair.startClient(NO_CACHE);
    const openers = Array.from({ length: 5 }, () => cat(path));
    await sleep(1_000);
    const startedMs = Date.now();
    process.kill(client.pid, 'SIGTERM');
    expect(await client.ended).toBe(0);
    // A second on a quiet machine; this one is shared.
    expect(Date.now() - startedMs).toBeLessThan(3_000);
    expect(new Set(await Promise.all(openers))).toEqual(new Set(['content']));
  });

  test('stopped (SIGSTOP) while it ends, then killed: everybody is let through', async () => {
    pair = new PairFixture();
    pair.writeMany(50);
    await pair.startDaemon();
    const client = await pair.startClient(NO_CACHE);
    const openers = Array.from({ length: 4 }, () => openLoop(pair.guarded, 3_000, 60_000));
    await sleep(300);
    process.kill(client.pid, 'SIGTERM');
    process.kill(client.pid, 'SIGSTOP');
    await sleep(500);
    process.kill(client.pid, 'SIGKILL');
    for (const { opened, refused } of await Promise.all(openers))
      expect([opened, refused]).toEqual([3_000, 0]);
  });

  test('few descriptors: opens beyond them are decided by the row overload, none is refused by the kernel', async () => {
    pair = new PairFixture(['OnAccessCurlTimeout 20000']);
    pair.writeMany(300);
    const server = createServer((socket) => socket.on('data', () => undefined)).listen(pair.socketPath);
    cleanUps.push(() => server.close());
    // Without the right to raise its limit, as in a container.
    const client = pair.launchClient(NO_CACHE, [], {
      through: [
        'prlimit',
        '--nofile=700:700',
        'setpriv',
        '--bounding-set=-sys_resource',
        '--inh-caps=-sys_resource',
      ],
    });
    await client.said('protecting');
    const openers = Array.from({ length: 120 }, (_, index) => execFile('cat', [`${pair.guarded}/f${index}`]));
    cleanUps.push(() => {
      for (const opener of openers) opener.kill('SIGKILL');
    });
    await sleep(3_000);
    expect(openFds(client.pid)).toBeLessThan(700);
    const ended = openers.filter(({ exitCode }) => exitCode !== null);
    expect(ended.length).toBeGreaterThan(0);
    for (const { exitCode } of ended) expect(exitCode).toBe(0);
    expect(client.lines.some((line) => line['cause'] === 'overload')).toBe(true);
    expect(client.lines.filter(({ event }) => event === 'noDescriptor')).toEqual([]);
  });
});
