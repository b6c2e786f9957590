import { execFile } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { cat } from '../openers/opener.js';
import { PairFixture, whyNot } from '../pair-fixture.js';

jest.setTimeout(120_000);

const REFUSED = /Operation not permitted/;
/** Holds write leases on files until it is killed, ignoring the kernel's requests to let go (fcntl(2), F_SETLEASE). */
const LEASE_HOLDER = `
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
for path in sys.argv[1:]:
    fd = os.open(path, os.O_WRONLY)
    for attempt in range(200):
        try:
            fcntl.fcntl(fd, 1024, fcntl.F_WRLCK)
            break
        except OSError:
            time.sleep(0.02)
    else:
        raise SystemExit('no lease')
print('leased', flush=True)
time.sleep(60)
`;

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

describeOrSkip('write leases on many files', await whyNot('python3'), () => {
  describeIfFanotify('on a real kernel', () => {
    let pair: PairFixture;
    let holder: ChildProcess | undefined;
    let opens: Promise<string>[];

    beforeEach(() => {
      pair = new PairFixture();
      pair.writeMany(40);
      opens = [];
    });

    afterEach(async () => {
      holder?.kill('SIGKILL'); // its leases go with it, and whoever waits goes on
      await Promise.all(opens);
      await pair.stop();
    });

    async function leaseAll(count: number): Promise<string[]> {
      const paths = Array.from({ length: count }, (_, index) => pair.write(`leased${index}`, 'content'));
      const child = execFile('python3', ['-c', LEASE_HOLDER, ...paths]);
      holder = child;
      await new Promise((resolve, reject) => {
        child.stdout?.once('data', resolve);
        child.once('close', reject);
      });
      return paths;
    }

    /** Opens a file that no gate knows yet. */
    async function opensInTime(index: number): Promise<void> {
      const startedMs = Date.now();
      expect(await cat(`${pair.guarded}/f${index}`)).toContain(`${index}`);
      expect(Date.now() - startedMs).toBeLessThan(3_000);
    }

    test('more of them than there were gates stop nobody else: gates are added', async () => {
      await pair.startDaemon();
      const client = await pair.startClient({ ONACC_GATES: '3', ONACC_GATES_MAX: '16' });
      const leased = await leaseAll(5);
      for (const [index, path] of leased.entries()) {
        opens.push(cat(path));
        await sleep(500);
        await opensInTime(index);
      }
      await client.said('gateStarted');
      holder?.kill('SIGKILL');
      expect(await Promise.all(opens)).toEqual(leased.map(() => 'content'));
    });

    test('a burst of them holds others up for no longer than it takes to start as many gates', async () => {
      await pair.startDaemon();
      await pair.startClient({ ONACC_GATES: '3', ONACC_GATES_MAX: '16' });
      const leased = await leaseAll(8);
      opens.push(...leased.map((path) => cat(path)));
      await sleep(100);
      const startedMs = Date.now();
      expect(await cat(`${pair.guarded}/f1`)).toContain('1');
      expect(Date.now() - startedMs).toBeLessThan(15_000); // a lease would hold it for 45 s
      await opensInTime(2);
      holder?.kill('SIGKILL');
      expect(await Promise.all(opens)).toEqual(leased.map(() => 'content'));
    });

    test('more of them than there may be gates: the kernel refuses those files, and nobody else waits', async () => {
      await pair.startDaemon();
      const client = await pair.startClient({ ONACC_GATES: '2', ONACC_GATES_MAX: '4' });
      const leased = await leaseAll(8);
      for (const path of leased.slice(0, 3)) {
        opens.push(cat(path));
        await sleep(500);
      }
      await client.said('gatesExhausted');
      await sleep(500);
      for (const [index, path] of leased.slice(3).entries()) {
        expect(await cat(path)).toMatch(REFUSED);
        await opensInTime(index);
      }
      holder?.kill('SIGKILL');
      expect(await Promise.all(opens)).toEqual(['content', 'content', 'content']);
      await opensInTime(30);
      expect(await cat(leased[7] ?? '')).toBe('content');
    });

    test('a client that is told to stop while a gate is stuck is gone in time', async () => {
      await pair.startDaemon();
      const client = await pair.startClient({ ONACC_GATES: '3', ONACC_GATES_MAX: '3' });
      const [leased] = await leaseAll(1);
      opens.push(cat(leased ?? ''));
      await client.said('takeover');
      const startedMs = Date.now();
      await client.stop();
      expect(Date.now() - startedMs).toBeLessThan(4_000); // by force; without it the thread would hold it up
    });
  });
});
