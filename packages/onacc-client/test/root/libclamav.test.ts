import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, expect, jest, test } from '@jest/globals';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { cat } from '../openers/opener.js';
import { ask, EICAR, PairFixture, until, untilTrue, whyNot } from '../pair-fixture.js';

jest.setTimeout(120_000);

const REFUSED = /Operation not permitted/;
const ENGINE = { SCANNER_ENGINE: 'libclamav' };
/** Every open is an event, and waits for 20 s before somebody gives up on it. */
const SLOW_TO_GIVE_UP = ['OnAccessCurlTimeout 20000', 'OnAccessDenyOnError yes'];
const NO_CACHE = { ONACC_CACHE_ENTRIES: '4', ONACC_KERNEL_CACHE: 'no', ONACC_LEASE_CACHE: 'no' };
const noClamav = await whyNot('clamd');

/** The process that holds libclamav. */
function hostOf(daemonPid: number): number | undefined {
  try {
    const children = execFileSync('pgrep', ['-P', String(daemonPid), '-f', 'host-process'], {
      encoding: 'utf8',
    });
    return Number(children.trim().split('\n')[0]);
  } catch {
    return undefined;
  }
}

describeIfFanotify('with libclamav behind the daemon', () => {
  let pair: PairFixture;
  afterEach(() => pair.stop());

  describeOrSkip('on Debian’s library', noClamav, () => {
    test('infected files are refused, clean ones let in, archives looked into', async () => {
      pair = new PairFixture();
      await pair.startDaemon(ENGINE);
      await pair.startClient();
      expect(await cat(pair.write('eicar', EICAR))).toMatch(REFUSED);
      expect(await cat(pair.write('clean', 'hello'))).toBe('hello');
      writeFileSync(pair.path('inner'), EICAR);
      execFileSync('tar', ['-C', pair.path(''), '-czf', `${pair.guarded}/packed.tar.gz`, 'inner']);
      expect(await cat(`${pair.guarded}/packed.tar.gz`)).toMatch(REFUSED);
    });

    test('a scan by path opens a protected file without waiting for itself', async () => {
      pair = new PairFixture(SLOW_TO_GIVE_UP);
      await pair.startDaemon({ ...ENGINE, SCANNER_THREADS: '1' });
      await pair.startClient(NO_CACHE);
      const infected = pair.write('eicar', EICAR);
      pair.writeMany(20);
      const startedMs = Date.now();
      expect(await ask(pair.socketPath, `SCAN ${pair.guarded}`)).toBe(
        `${infected}: Test.Eicar.UNOFFICIAL FOUND`,
      );
      expect(Date.now() - startedMs).toBeLessThan(15_000);
    });

    test('a host that died returns, though its database lies where everything is asked about', async () => {
      pair = new PairFixture(SLOW_TO_GIVE_UP);
      const database = `${pair.guarded}/db`;
      mkdirSync(database);
      writeFileSync(`${database}/t.hdb`, '44d88612fea8a8f36de82e1278abb02f:68:Test.Eicar\n');
      pair.changeConfig((text) => text.replace(pair.database, database));
      const daemon = await pair.startDaemon(ENGINE);
      await pair.startClient(NO_CACHE);
      const infected = pair.write('eicar', EICAR);
      expect(await cat(infected)).toMatch(REFUSED);
      const host = hostOf(daemon.pid);
      if (host === undefined) throw new Error('there is no host process');
      process.kill(host, 'SIGKILL');
      expect(await cat(infected)).toMatch(REFUSED);
      await until('another host', () => ![undefined, host].includes(hostOf(daemon.pid)));
      await untilTrue(
        'a verdict',
        async () => (await cat(pair.write('clean', `${Date.now()}`))).length === 13,
      );
      expect(await cat(infected)).toMatch(REFUSED);
    });
  });
});
