import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, expect, jest, test } from '@jest/globals';
import { describeIfFanotify } from '@portcullis/shared/testing';
import { cat } from '../openers/opener.js';
import { EICAR, foundPaths, hangUp, openFds, PairFixture, told, until } from '../pair-fixture.js';

jest.setTimeout(90_000);

const REFUSED = /Operation not permitted/;

describeIfFanotify('SIGHUP', () => {
  let pair: PairFixture;

  afterEach(async () => {
    await pair.stop();
  });

  test('an include path that was added is protected, one that was taken away is no longer; an exclusion holds', async () => {
    pair = new PairFixture();
    const other = pair.path('other');
    for (const path of [other, `${pair.guarded}/left-out`]) mkdirSync(path);
    const [here, leftOut, there] = [
      pair.write('eicar', EICAR),
      pair.write('left-out/eicar', EICAR),
      `${other}/eicar`,
    ];
    writeFileSync(there, EICAR);
    await pair.startDaemon();
    const client = await pair.startClient();
    expect(await cat(there)).toBe(EICAR);
    expect(await cat(leftOut)).toMatch(REFUSED);

    appendFileSync(
      pair.configPath,
      `OnAccessIncludePath ${other}\nOnAccessExcludePath ${pair.guarded}/left-out\n`,
    );
    await hangUp(client, 'reloaded');
    expect(await cat(there)).toMatch(REFUSED);
    expect(await cat(here)).toMatch(REFUSED);
    expect(await cat(leftOut)).toBe(EICAR);

    pair.changeConfig((text) => text.replace(`OnAccessIncludePath ${pair.guarded}\n`, ''));
    await hangUp(client, 'reloaded');
    expect(await cat(there)).toMatch(REFUSED);
    expect(await cat(here)).toBe(EICAR);
  });

  test('OnAccessPrevention switched off and on again: what is found is told of, then refused', async () => {
    pair = new PairFixture(['OnAccessPrevention yes']);
    const path = pair.write('eicar', EICAR);
    await pair.startDaemon();
    const client = await pair.startClient();
    expect(await cat(path)).toMatch(REFUSED);
    pair.changeConfig((text) => text.replace('OnAccessPrevention yes', 'OnAccessPrevention no'));
    expect(await hangUp(client, 'reloaded')).toMatchObject({ mode: 'notify-only' });
    expect(await cat(path)).toBe(EICAR);
    await until('it is told of', () =>
      told(client, 'found').some((line) => line['decision'] === 'notified' && line['path'] === path),
    );
    pair.changeConfig((text) => text.replace('OnAccessPrevention no', 'OnAccessPrevention yes'));
    expect(await hangUp(client, 'reloaded')).toMatchObject({ mode: 'prevention' });
    expect(await cat(path)).toMatch(REFUSED);
  });

  test('a clamd.conf that cannot be used leaves everything as it is, and each problem is said', async () => {
    pair = new PairFixture();
    const path = pair.write('eicar', EICAR);
    await pair.startDaemon();
    const client = await pair.startClient();
    pair.changeConfig((text) =>
      `${text}Bogus yes\nOnAccessMaxThreads many\n`.replace(/^OnAccessIncludePath .*\n/m, ''),
    );
    await hangUp(client, 'reloadRefused');
    const said = client.lines.map(({ msg }) => msg).join('\n');
    for (const problem of ['Bogus', 'OnAccessMaxThreads']) expect(said).toContain(problem);
    expect(await cat(path)).toMatch(REFUSED);
    expect(await cat(pair.write('clean', 'hello'))).toBe('hello');

    pair.changeConfig(() => '');
    await hangUp(client, 'reloadRefused');
    expect(await cat(path)).toMatch(REFUSED);
  });

  test.each([
    ['a command that is none', 'ONACC_ON_DETECTION="\'unbalanced"'],
    ['marks that the interface has not', 'ONACC_INTERFACE=inotify\nONACC_MARKS=mount'],
    ['a value that is none', 'ONACC_GATES=many'],
  ])(
    '%s: the present protection stays, with no descriptor more, and the next reload is as any',
    async (_what, line) => {
      pair = new PairFixture();
      const path = pair.write('eicar', EICAR);
      const environment = pair.path('client.env');
      writeFileSync(environment, '', { mode: 0o600 });
      await pair.startDaemon();
      const client = await pair.startClient({}, [`--env-file=${environment}`]);
      await hangUp(client, 'reloaded');
      const before = openFds(client.pid);
      writeFileSync(environment, `${line}\n`);
      for (let times = 0; times < 3; times += 1) {
        const errors = (): number =>
          client.lines.filter(({ event }) => /^reload(Failed|Refused)$/.test(event ?? '')).length;
        const count = errors();
        process.kill(client.pid, 'SIGHUP');
        await until('it is told', () => errors() > count);
        expect(await cat(path)).toMatch(REFUSED);
      }
      await until('nothing stays open', () => openFds(client.pid) <= before);
      writeFileSync(environment, '');
      await hangUp(client, 'reloaded');
      expect(await cat(path)).toMatch(REFUSED);
    },
  );

  test.each([0, 250, 500])(
    'SIGTERM %d ms after a SIGHUP: the client ends in order, and files open afterwards',
    async (pauseMs) => {
      pair = new PairFixture();
      const path = pair.write('eicar', EICAR);
      await pair.startDaemon();
      const client = await pair.startClient();
      process.kill(client.pid, 'SIGHUP');
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      process.kill(client.pid, 'SIGTERM');
      expect(await client.ended).toBe(0);
      expect(await cat(path)).toBe(EICAR);
    },
  );

  test('twenty SIGHUP at once: the last configuration holds', async () => {
    pair = new PairFixture(['OnAccessPrevention yes']);
    const path = pair.write('eicar', EICAR);
    await pair.startDaemon();
    const client = await pair.startClient();
    for (let times = 0; times < 20; times += 1) {
      if (times === 10) {
        pair.changeConfig((text) => text.replace('OnAccessPrevention yes', 'OnAccessPrevention no'));
      }
      process.kill(client.pid, 'SIGHUP');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await until('it only tells', () => told(client, 'reloaded').at(-1)?.['mode'] === 'notify-only');
    expect(await cat(path)).toBe(EICAR);
    expect(told(client, 'reloaded').length).toBeLessThan(20);
  });

  test('another LocalSocket: from then on its daemon judges', async () => {
    pair = new PairFixture();
    const [eicar, marked] = [pair.write('eicar', EICAR), pair.write('marked', 'with OTHER-MARKER')];
    const database = pair.path('db2');
    mkdirSync(database);
    writeFileSync(`${database}/t.ndb`, `Test.Other:0:*:${Buffer.from('OTHER-MARKER').toString('hex')}\n`);
    const first = await pair.startDaemon();
    const client = await pair.startClient();
    expect([await cat(eicar), await cat(marked)]).toEqual([
      expect.stringMatching(REFUSED),
      'with OTHER-MARKER',
    ]);
    pair.changeConfig((text) =>
      text
        .replace(/^LocalSocket .*$/m, `LocalSocket ${pair.path('other.sock')}`)
        .replace(/^DatabaseDirectory .*$/m, `DatabaseDirectory ${database}`),
    );
    await pair.startDaemon();
    await hangUp(client, 'reloaded');
    expect([await cat(eicar), await cat(marked)]).toEqual([EICAR, expect.stringMatching(REFUSED)]);
    await first.stop();
    expect(await cat(marked)).toMatch(REFUSED);
    expect(foundPaths(client)).toContain(marked);
  });
});
