import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { freePort } from '@portcullis/shared/programs';
import type { ChildProgram } from '@portcullis/shared/programs';
import { describeIfFanotify } from '@portcullis/shared/testing';
import { cat } from '../openers/opener.js';
import { EICAR, PairFixture, told, until, untilTrue } from '../pair-fixture.js';

jest.setTimeout(60_000);

const REFUSED = /Operation not permitted/;
const MARKER = 'MARKER-AT-THE-END';
const MEGABYTE = 1024 * 1024;
const NO_CACHE = { ONACC_CACHE_ENTRIES: '4', ONACC_KERNEL_CACHE: 'no', ONACC_LEASE_CACHE: 'no' };

/** Appends to a file for some seconds, and takes something away again now and then. */
const GROWER = `
import os, sys, time
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
end = time.time() + 8
count = 0
while time.time() < end:
    os.write(fd, b'y' * 50000)
    count += 1
    if count == 20:
        print('grows', flush=True)
    if count % 40 == 0:
        os.ftruncate(fd, 200000)
    time.sleep(0.002)
`;

describeIfFanotify('bytes instead of descriptors', () => {
  const cleanUps: (() => unknown)[] = [];
  let pair: PairFixture;

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    await pair.stop();
  });

  describe.each(['TCP', '--stream'] as const)('%s', (kind) => {
    async function prepare(extra: readonly string[] = []): Promise<readonly string[]> {
      const listen = [`TCPSocket ${await freePort()}`, 'TCPAddr 127.0.0.1'];
      pair = new PairFixture(extra, kind === 'TCP' ? { listen } : {});
      return kind === 'TCP' ? [] : ['--stream'];
    }

    function begin(args: readonly string[]): Promise<ChildProgram> {
      return pair.startClient(NO_CACHE, args);
    }

    test('EICAR is refused; clean, empty and large files open whole; a marker behind 3 MB is found', async () => {
      const args = await prepare();
      pair.writeSignatures(MARKER);
      await pair.startDaemon();
      const client = await begin(args);
      const large = 'x'.repeat(3 * MEGABYTE);
      pair.write('large', large);
      pair.write('marked', large + MARKER);
      expect(await cat(pair.write('clean', 'hello'))).toBe('hello');
      expect(await cat(pair.write('empty', ''))).toBe('');
      expect(await cat(pair.write('eicar', EICAR))).toMatch(REFUSED);
      expect(await sizeOf('large')).toBe(`${large.length}\n`);
      expect(await cat(`${pair.guarded}/marked`)).toMatch(REFUSED);
      expect(told(client, 'notScanned')).toEqual([]);
    });

    function sizeOf(name: string): Promise<string> {
      return new Promise((resolve) => {
        execFile('sh', ['-c', `wc -c < ${pair.guarded}/${name}`], { timeout: 20_000 }, (_e, out, err) => {
          resolve(out + err);
        });
      });
    }

    test('a file that grows and shrinks while it is sent holds up nobody and breaks no connection', async () => {
      const args = await prepare();
      await pair.startDaemon();
      const client = await begin(args);
      const path = pair.write('growing', 'y'.repeat(MEGABYTE));
      const grower = execFile('python3', ['-c', GROWER, path]);
      cleanUps.push(() => grower.kill('SIGKILL'));
      await new Promise((resolve, reject) => {
        grower.stdout?.once('data', resolve);
        grower.once('close', reject);
      });
      for (let times = 0; times < 10; times += 1) expect(await sizeOf('growing')).toMatch(/^\d+\n$/);
      expect(await cat(pair.write('eicar', EICAR))).toMatch(REFUSED);
      expect([...told(client, 'daemonDown'), ...told(client, 'trouble')]).toEqual([]);
    });

    test.each([
      ['let in', [], 'content'],
      ['refused with OnAccessDenyOnError', ['OnAccessDenyOnError yes'], REFUSED],
    ])(
      'while the daemon is away a file is %s; afterwards all is as before',
      async (_how, extra, expected) => {
        const args = await prepare(extra);
        const path = pair.write('file', 'content');
        const daemon = await pair.startDaemon();
        const client = await begin(args);
        expect(await cat(path)).toBe('content');
        await daemon.stop();
        const [unknown, infected] = [pair.write('unknown', 'content'), pair.write('eicar', EICAR)];
        expect(await cat(unknown)).toEqual(expect.stringMatching(expected));
        await until('the outage is told', () => told(client, 'daemonDown').length > 0);
        await pair.startDaemon();
        // Neither row of the table gives both.
        const isBack = async (): Promise<boolean> =>
          (await cat(unknown)) === 'content' && REFUSED.test(await cat(infected));
        await untilTrue('it is back', isBack);
      },
    );
  });

  test('of two TCPAddr the first is dead: the second one judges', async () => {
    const port = await freePort();
    pair = new PairFixture([], { listen: [`TCPSocket ${port}`, 'TCPAddr 127.0.0.1'] });
    await pair.startDaemon();
    pair.changeConfig((text) => text.replace('TCPAddr 127.0.0.1', 'TCPAddr 127.0.0.9\nTCPAddr 127.0.0.1'));
    await pair.startClient(NO_CACHE);
    expect(await cat(pair.write('clean', 'hello'))).toBe('hello');
    expect(await cat(pair.write('eicar', EICAR))).toMatch(REFUSED);
    writeFileSync(`${pair.guarded}/later`, EICAR);
    expect(await cat(`${pair.guarded}/later`)).toMatch(REFUSED);
  });
});
