import { execFile, execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, expect, jest, test } from '@jest/globals';
import { describeIfFanotify } from '@portcullis/shared/testing';
import type { ChildProgram } from '@portcullis/shared/programs';
import { catAs, NOBODY } from '../openers/cat-as.js';
import { cat } from '../openers/opener.js';
import { EICAR, PairFixture } from '../pair-fixture.js';

jest.setTimeout(60_000);

const REFUSED = /Operation not permitted/;
/** Longer than a scan takes that nobody waits for. */
const NOTICED_MS = 1_500;

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Opens a file in a process of its own, which stays for a second. */
async function openAndStay(path: string): Promise<void> {
  await promisify(execFile)('sh', ['-c', 'exec 3< "$1"; sleep 1', 'sh', path]);
}

/** The paths that the client has reported as infected, with what it decided. */
function detections(client: ChildProgram): { path: unknown; decision: unknown }[] {
  return client.lines
    .filter(({ event }) => event === 'found')
    .map((line) => ({ path: line['path'], decision: line['decision'] }));
}

describeIfFanotify('the recipes of the on-access guide', () => {
  const cleanUps: (() => unknown)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  function fixture(options: readonly string[]): PairFixture {
    const pair = new PairFixture(options, { include: [] });
    cleanUps.push(() => pair.stop());
    return pair;
  }

  test('0x0: a whole mount, root excluded, notify-only: a user’s open is told of and let through, root’s is not scanned', async () => {
    const pair = fixture(['OnAccessExcludeRootUID yes', 'OnAccessPrevention no']);
    execFileSync('mount', ['-t', 'tmpfs', 'portcullis-test', pair.guarded]);
    cleanUps.push(() => execFileSync('umount', ['-l', pair.guarded]));
    appendFileSync(pair.configPath, `OnAccessMountPath ${pair.guarded}\n`);
    mkdirSync(`${pair.guarded}/deep/down`, { recursive: true });
    const [byUser, byRoot] = [pair.write('deep/down/by-user', EICAR), pair.write('by-root', EICAR)];
    await pair.startDaemon();
    const client = await pair.startClient();
    // Who is gone before he is asked about cannot be told from anybody else: nobody waits here.
    await openAndStay(byRoot);
    expect(await catAs(NOBODY, byUser)).toBe(EICAR);
    await client.said('found');
    await sleep(NOTICED_MS);
    expect(detections(client)).toEqual([{ path: byUser, decision: 'notified' }]);
    await client.stop();
  });

  test('0x1: a tree of homes but for two of them, notify-only: all others are told of', async () => {
    const pair = fixture(['OnAccessPrevention no']);
    for (const user of ['user1', 'user2', 'user3', 'user4'])
      mkdirSync(`${pair.guarded}/${user}/docs`, { recursive: true });
    appendFileSync(
      pair.configPath,
      [
        `OnAccessIncludePath ${pair.guarded}`,
        `OnAccessExcludePath ${pair.guarded}/user2`,
        `OnAccessExcludePath ${pair.guarded}/user4`,
        '',
      ].join('\n'),
    );
    const paths = ['user1', 'user2', 'user3', 'user4'].map((user) => pair.write(`${user}/docs/eicar`, EICAR));
    await pair.startDaemon();
    const client = await pair.startClient();
    for (const path of paths) expect(await catAs(NOBODY, path)).toBe(EICAR);
    await sleep(NOTICED_MS);
    const told = [...new Set(detections(client).map(({ path }) => path))].sort();
    expect(told).toEqual([paths[0], paths[2]]);
    await client.stop();
  });

  test('0x2: one directory, not what is below it, with prevention', async () => {
    const pair = fixture(['OnAccessPrevention yes', 'OnAccessDisableDDD yes']);
    appendFileSync(pair.configPath, `OnAccessIncludePath ${pair.guarded}\n`);
    mkdirSync(`${pair.guarded}/below`);
    const [here, below] = [pair.write('eicar', EICAR), pair.write('below/eicar', EICAR)];
    await pair.startDaemon();
    const client = await pair.startClient();
    expect(await cat(here)).toMatch(REFUSED);
    expect(await cat(below)).toBe(EICAR);
    writeFileSync(`${pair.guarded}/later`, EICAR);
    expect(await cat(`${pair.guarded}/later`)).toMatch(REFUSED);
    await client.stop();
  });
});
