import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { freePort } from '@portcullis/shared/programs';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { catAs, NOBODY } from '../openers/cat-as.js';
import { cat } from '../openers/opener.js';
import { EICAR, PairFixture, told, until, untilTrue, whyNot } from '../pair-fixture.js';

jest.setTimeout(90_000);

const REFUSED = /Operation not permitted/;
/** More than clamd’s StreamMaxLength, less than what the test reads of a child. */
const LARGE_BYTES = 600_000;
const noClamonacc = await whyNot('clamonacc');
const noClamd = await whyNot('clamd');

let pair: PairFixture;

afterEach(async () => {
  await pair.stop();
});

/** The lines of a --log file that tell of something found. */
function detectionLines(logPath: string): string[] {
  return [
    ...new Set(
      readFileSync(logPath, 'utf8')
        .split('\n')
        .filter((line) => line.endsWith(' FOUND')),
    ),
  ];
}

describeIfFanotify('Debian’s programs as peers', () => {
  describeOrSkip('clamonacc on our daemon', noClamonacc, () => {
    test.each([['--fdpass'], ['--stream'], ['--multiscan'], ['--allmatch'], ['path mode']])(
      '%s: EICAR is refused, a clean file opens, and both clients log the same line',
      async (mode) => {
        const args = mode === 'path mode' ? [] : [mode];
        pair = new PairFixture(['OnAccessExcludeRootUID yes']);
        const [infected, clean] = [pair.write('eicar', EICAR), pair.write('clean', 'hello')];
        await pair.startDaemon();
        const stop = await pair.startClamonacc(pair.path('theirs.log'), args);
        expect(await catAs(NOBODY, infected)).toMatch(REFUSED);
        expect(await catAs(NOBODY, clean)).toBe('hello');
        await stop();
        expect(await catAs(NOBODY, infected)).toBe(EICAR);

        const client = await pair.startClient({}, [`--log=${pair.path('ours.log')}`, ...args]);
        expect(await catAs(NOBODY, infected)).toMatch(REFUSED);
        await client.stop();
        const lines = detectionLines(pair.path('theirs.log'));
        expect(lines).toEqual([`${infected}: Test.Eicar.UNOFFICIAL FOUND`]);
        expect(detectionLines(pair.path('ours.log'))).toEqual(lines);
      },
    );
  });

  describeOrSkip('our client on clamd', noClamd, () => {
    function clamdConf(): string {
      return pair.path('theirs.conf');
    }

    /** clamd listens on both kinds of sockets, and has a clamd.conf of its own. */
    async function prepare(kind: 'descriptor' | 'stream' | 'tcp', streamMax = '256K'): Promise<string[]> {
      const tcp = [`TCPSocket ${await freePort()}`, 'TCPAddr 127.0.0.1'];
      pair = new PairFixture([`StreamMaxLength ${streamMax}`], kind === 'tcp' ? { listen: tcp } : {});
      const theirs = readFileSync(pair.configPath, 'utf8')
        .replace(/^(LocalSocket|TCP|StreamMax).*\n/gm, '')
        .concat(`LocalSocket ${pair.socketPath}\nStreamMaxLength 256K\n${tcp.join('\n')}\n`);
      writeFileSync(clamdConf(), theirs);
      return kind === 'stream' ? ['--stream'] : [];
    }

    describe.each(['descriptor', 'stream', 'tcp'] as const)('%s', (kind) => {
      test('EICAR is refused, a clean file opens, also after clamd was restarted', async () => {
        const args = await prepare(kind);
        await pair.startClamd(clamdConf());
        const infected = pair.write('eicar', EICAR);
        const client = await pair.startClient({}, args);
        expect(await cat(pair.write('clean', 'hello'))).toBe('hello');
        expect(await cat(infected)).toMatch(REFUSED);
        await pair.stopClamd();
        await until('the outage is told', () => told(client, 'daemonDown').length > 0);
        expect(await cat(pair.write('meanwhile', 'hello'))).toBe('hello');
        await pair.startClamd(clamdConf());
        await untilTrue('it is back', async () => REFUSED.test(await cat(infected)));
        expect(await cat(pair.write('afterwards', 'hello'))).toBe('hello');
      });
    });

    test.each([
      ['stream', '256K'],
      ['stream', '25M'],
      ['tcp', '256K'],
      ['tcp', '25M'],
    ] as const)(
      '%s, above clamd’s StreamMaxLength of 256K where ours is %s: the row `tooLarge`',
      async (kind, streamMax) => {
        const args = await prepare(kind, streamMax);
        await pair.startClamd(clamdConf());
        const large = pair.write('large', 'x'.repeat(LARGE_BYTES));
        const client = await pair.startClient({}, args);
        expect((await client.said('daemonUp'))['daemonPid'] === 0).toBe(kind === 'tcp');
        expect(await cat(large)).toContain('xxx');
        expect(await client.said('notScanned')).toMatchObject({ cause: 'tooLarge', path: large });
        await client.stop();
        await pair.startClient({ ONACC_ON_TOO_LARGE: 'deny' }, args);
        expect(await cat(large)).toMatch(REFUSED);
        expect(await cat(pair.write('clean', 'hello'))).toBe('hello');
        expect(await cat(pair.write('eicar', EICAR))).toMatch(REFUSED);
      },
    );
  });
});
