import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { describeIfFanotify } from '@portcullis/shared/testing';
import { cat } from '../openers/opener.js';
import { EICAR, openFds, PairFixture } from '../pair-fixture.js';

jest.setTimeout(90_000);

const run = promisify(execFile);
const CLIENT = fileURLToPath(new URL('../../../bin/onacc-client.js', import.meta.url));

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000 && !isTrue(); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(isTrue()).toBe(true);
}

describeIfFanotify('the pair with an action', () => {
  let pair: PairFixture;
  let quarantine: string;
  const quarantined = (): string[] => readdirSync(quarantine).filter((name) => name !== '.portcullis');

  beforeEach(async () => {
    pair = new PairFixture();
    quarantine = pair.path('quarantine');
    mkdirSync(quarantine, { mode: 0o700 });
    await pair.startDaemon();
  });
  afterEach(async () => {
    await pair.stop();
  });

  test('--move: ten opens at once are all refused and make one quarantined file; restore gives it back', async () => {
    const client = await pair.startClient({}, [`--move=${quarantine}`]);
    const path = pair.write('eicar', EICAR);
    const { mode } = statSync(path);
    const seen = await Promise.all(Array.from({ length: 10 }, () => cat(path)));
    // Whoever came after the move finds nothing.
    for (const text of seen) expect(text).toMatch(/Operation not permitted|No such file/);
    await until(() => !existsSync(path));
    await until(() => quarantined().length === 1 && quarantined()[0] === 'eicar');
    expect(statSync(`${quarantine}/eicar`).mode & 0o7777).toBe(0o400);
    const { stdout } = await run(process.execPath, [CLIENT, 'quarantine', 'list', '--json', quarantine]);
    expect(JSON.parse(stdout)).toMatchObject([
      { file: 'eicar', state: 'whole', path, signatureName: 'Test.Eicar.UNOFFICIAL', opener: { uid: 0 } },
    ]);
    await run(process.execPath, [CLIENT, 'quarantine', 'restore', 'eicar', quarantine]);
    expect(statSync(path).mode).toBe(mode);
    expect(quarantined()).toEqual([]);
    // Nobody has excluded it.
    expect(await cat(path)).toMatch(/Operation not permitted/);
    await until(() => !existsSync(path));
    await client.stop();
  });

  test('--remove: a hundred files, and no descriptor stays open', async () => {
    const client = await pair.startClient({}, ['--remove']);
    expect(await cat(pair.write('first', EICAR))).toMatch(/Operation not permitted/);
    await until(() => readdirSync(pair.guarded).length === 0);
    const before = openFds(client.pid);
    for (let n = 0; n < 100; n += 1) await cat(pair.write(`f${n}`, EICAR));
    await until(() => readdirSync(pair.guarded).length === 0);
    await until(() => openFds(client.pid) <= before);
  });

  test('ONACC_ON_DETECTION: the command is told who opened what, after the answer', async () => {
    const seen = pair.path('seen');
    await pair.startClient({
      ONACC_ON_DETECTION: `sh -c 'sleep 3; echo "$PORTCULLIS_DECISION $PORTCULLIS_UID $PORTCULLIS_SIGNATURE $PORTCULLIS_PATH" > ${seen}'`,
    });
    const path = pair.write('eicar', EICAR);
    expect(await cat(path)).toMatch(/Operation not permitted/);
    expect(existsSync(seen)).toBe(false);
    await until(() => existsSync(seen) && readFileSync(seen, 'utf8') !== '');
    expect(readFileSync(seen, 'utf8')).toBe(`deny 0 Test.Eicar.UNOFFICIAL ${path}\n`);
  });
});
