import { execFile, execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { afterEach, expect, jest, test } from '@jest/globals';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { cat, openLoop } from '../openers/opener.js';
import { ask, EICAR, openFds, PairFixture, whyNot } from '../pair-fixture.js';

jest.setTimeout(120_000);

const REFUSED = /Operation not permitted/;
const noClamd = await whyNot('clamd');
const noPython = await whyNot('python3');

/** Holds a write lease on a file for some seconds, ignoring the kernel's request to let go (fcntl(2), F_SETLEASE). */
const LEASE_HOLDER = `
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_WRONLY)
for attempt in range(200):
    try:
        fcntl.fcntl(fd, 1024, fcntl.F_WRLCK)
        break
    except OSError:
        time.sleep(0.02)
else:
    raise SystemExit('no lease')
print('leased', flush=True)
time.sleep(float(sys.argv[2]))
`;

/** Maps a file shared and writable, says so, stores what it reads into it, says so, and keeps the mapping. */
const MAPPED_WRITER = `
import mmap, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR)
memory = mmap.mmap(fd, 0)
os.close(fd)
memory[0:1] = b'a'
print('mapped', flush=True)
content = sys.stdin.readline().rstrip('\\n').encode()
memory[0:len(content)] = content
print('stored', flush=True)
time.sleep(60)
`;

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

describeIfFanotify('the pair on a real kernel', () => {
  let pair: PairFixture;

  afterEach(async () => {
    await pair.stop();
  });

  test('a clean file opens, EICAR is refused, and the log names who opened it', async () => {
    pair = new PairFixture();
    await pair.startDaemon();
    const client = await pair.startClient();
    expect(await cat(pair.write('clean', 'hello'))).toBe('hello');
    const path = pair.write('eicar', EICAR);
    expect(await cat(path)).toMatch(REFUSED);
    const found = await client.said('found');
    expect(found).toMatchObject({ path, signature: 'Test.Eicar.UNOFFICIAL', decision: 'deny' });
    expect(found['opener']).toMatchObject({
      uid: 0,
      executable: expect.stringMatching(/cat|coreutils|busybox/),
    });
  });

  test('directories made, moved in and renamed after the start are protected', async () => {
    pair = new PairFixture();
    await pair.startDaemon();
    await pair.startClient();
    mkdirSync(`${pair.guarded}/a/b/c`, { recursive: true });
    const outside = mkdtempSync(`${pair.database}/moved-`);
    writeFileSync(`${outside}/eicar`, EICAR);
    renameSync(outside, `${pair.guarded}/in`);
    await sleep(300);
    expect(await cat(pair.write('a/b/c/eicar', EICAR))).toMatch(REFUSED);
    expect(await cat(`${pair.guarded}/in/eicar`)).toMatch(REFUSED);
    renameSync(`${pair.guarded}/a/b`, `${pair.guarded}/renamed`);
    mkdirSync(`${pair.guarded}/renamed/d`);
    await sleep(300);
    expect(await cat(pair.write('renamed/d/eicar', EICAR))).toMatch(REFUSED);
  });

  test('a nested include path on a filesystem of its own is protected', async () => {
    pair = new PairFixture();
    const inner = `${pair.guarded}/inner`;
    mkdirSync(inner);
    appendFileSync(pair.configPath, `OnAccessIncludePath ${inner}\n`);
    execFileSync('mount', ['-t', 'tmpfs', 'portcullis-test', inner]);
    try {
      await pair.startDaemon();
      const client = await pair.startClient();
      expect(await cat(pair.write('eicar', EICAR))).toMatch(REFUSED);
      expect(await cat(pair.write('inner/eicar', EICAR))).toMatch(REFUSED);
      await client.stop();
    } finally {
      execFileSync('umount', [inner]);
    }
  });

  test('new signatures count at once, also for files that the kernel had cached as clean', async () => {
    pair = new PairFixture();
    await pair.startDaemon();
    const client = await pair.startClient();
    const path = pair.write('later', 'a text with MARKER-OF-TOMORROW in it');
    await sleep(50);
    for (let times = 0; times < 3; times += 1) expect(await cat(path)).toContain('MARKER');
    pair.writeSignatures('MARKER-OF-TOMORROW');
    expect(await ask(pair.socketPath, 'RELOAD')).toBe('RELOADING');
    await client.said('databaseChanged');
    await sleep(500);
    expect(await cat(path)).toMatch(REFUSED);
  });

  test('8 busy openers survive the daemon’s death: refused or let in by policy, never left hanging', async () => {
    pair = new PairFixture(['OnAccessDenyOnError yes']);
    pair.writeMany(400);
    const daemon = await pair.startDaemon();
    await pair.startClient({ ONACC_CACHE_ENTRIES: '4', ONACC_KERNEL_CACHE: 'no' });
    const openers = Array.from({ length: 8 }, () => openLoop(pair.guarded, 4_000, 30_000));
    await sleep(400);
    process.kill(daemon.pid, 'SIGKILL');
    const opens = await Promise.all(openers);
    for (const { opened, refused } of opens) expect(opened + refused).toBe(4_000);
    expect(opens.some(({ refused }) => refused > 0)).toBe(true);
  });

  test('8 busy openers survive the client’s death: the kernel lets them in', async () => {
    pair = new PairFixture(['OnAccessDenyOnError yes']);
    pair.writeMany(400);
    await pair.startDaemon();
    const client = await pair.startClient({ ONACC_CACHE_ENTRIES: '4', ONACC_KERNEL_CACHE: 'no' });
    const openers = Array.from({ length: 8 }, () => openLoop(pair.guarded, 4_000, 30_000));
    await sleep(400);
    process.kill(client.pid, 'SIGKILL');
    for (const opens of await Promise.all(openers)) expect(opens).toEqual({ opened: 4_000, refused: 0 });
  });

  test('protection comes back by itself when the daemon does', async () => {
    pair = new PairFixture();
    const daemon = await pair.startDaemon();
    await pair.startClient();
    const path = pair.write('eicar', EICAR);
    await daemon.stop();
    await pair.startDaemon();
    await sleep(2_500);
    expect(await cat(path)).toMatch(REFUSED);
  });

  test('100,000 opens leave the descriptors of both programs where they were', async () => {
    pair = new PairFixture();
    pair.writeMany(500);
    const daemon = await pair.startDaemon();
    const client = await pair.startClient({ ONACC_CACHE_ENTRIES: '64', ONACC_KERNEL_CACHE: 'no' });
    await openLoop(pair.guarded, 1_000);
    await sleep(300);
    const before = { client: openFds(client.pid), daemon: openFds(daemon.pid) };
    const openers = Array.from({ length: 8 }, () => openLoop(pair.guarded, 12_500, 90_000));
    const opens = await Promise.all(openers);
    expect(opens.reduce((sum, { opened }) => sum + opened, 0)).toBe(100_000);
    await sleep(300);
    expect({ client: openFds(client.pid), daemon: openFds(daemon.pid) }).toEqual(before);
  });

  test('SIGTERM answers what waits and ends with 0, and files open afterwards', async () => {
    pair = new PairFixture();
    pair.writeMany(100);
    await pair.startDaemon();
    const client = await pair.startClient({ ONACC_CACHE_ENTRIES: '4', ONACC_KERNEL_CACHE: 'no' });
    const opening = openLoop(pair.guarded, 4_000, 30_000);
    await sleep(300);
    const startedMs = Date.now();
    await client.stop();
    expect(await client.ended).toBe(0);
    expect(Date.now() - startedMs).toBeLessThan(5_000);
    expect((await opening).opened).toBe(4_000);
  });
});

describeOrSkip('a write lease on one file', noPython, () => {
  describeIfFanotify('on a real kernel', () => {
    test('holds up the opener of that file and nobody else', async () => {
      const pair = new PairFixture();
      const leased = pair.write('leased', 'content');
      pair.writeMany(20);
      await pair.startDaemon();
      const client = await pair.startClient();
      const holder = execFile('python3', ['-c', LEASE_HOLDER, leased, '4']);
      try {
        await new Promise((resolve, reject) => {
          holder.stdout?.once('data', resolve);
          holder.once('close', reject);
        });
        const ofLeased = cat(leased);
        await sleep(50);
        const startedMs = Date.now();
        expect(await cat(`${pair.guarded}/f7`)).toContain('7');
        expect(Date.now() - startedMs).toBeLessThan(2_000);
        await client.said('takeover');
        expect(await ofLeased).toBe('content');
      } finally {
        holder.kill('SIGKILL');
        await pair.stop();
      }
    });
  });
});

describeOrSkip('a writer through a shared mapping', noPython, () => {
  describeIfFanotify('on a real kernel', () => {
    test('is never served from a cache, though its stores change no time of the file', async () => {
      const pair = new PairFixture();
      const path = pair.write('mapped', 'a'.repeat(EICAR.length));
      await pair.startDaemon();
      await pair.startClient();
      await sleep(100);
      const writer = execFile('python3', ['-c', MAPPED_WRITER, path]);
      const says = async (): Promise<void> => {
        await new Promise((resolve, reject) => {
          writer.stdout?.once('data', resolve);
          writer.once('close', reject);
        });
      };
      try {
        await says();
        await sleep(100);
        for (let times = 0; times < 3; times += 1) expect(await cat(path)).toContain('aaa');
        const stored = says();
        writer.stdin?.write(`${EICAR}\n`);
        await stored;
        expect(await cat(path)).toMatch(REFUSED);
      } finally {
        writer.kill('SIGKILL');
        await pair.stop();
      }
    });
  });
});

describeOrSkip('our client with Debian’s clamd', noClamd, () => {
  describeIfFanotify('on a real kernel', () => {
    test('EICAR is refused, a clean file opens, with no user excluded for its sake', async () => {
      const pair = new PairFixture();
      try {
        await pair.startClamd();
        const client = await pair.startClient();
        expect(await cat(pair.write('clean', 'hello'))).toBe('hello');
        expect(await cat(pair.write('eicar', EICAR))).toMatch(REFUSED);
        expect(await client.said('found')).toMatchObject({ signature: 'Test.Eicar.UNOFFICIAL' });
        cpSync(`${pair.guarded}/clean`, `${pair.guarded}/copy`);
        expect(await cat(`${pair.guarded}/copy`)).toBe('hello');
      } finally {
        await pair.stop();
      }
    });
  });
});
